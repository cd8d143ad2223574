package ops

import (
	"fmt"
	"net/http"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/resource"
	"github.com/lastly-go/lastly/web"
)

// Register serves on the unix socket at path, and registers the end of that on scope as the hook "ops". The socket is gone
// afterwards, whatever the process dies of.
func Register(scope *lastly.Scope, path string, ready http.Handler) (err error) {
	// Last, so that there is somebody to ask while the others end. Its socket is in the folder that the instance holds.
	own := scope.Child(lastly.Hook{Name: "ops", Last: true, Uses: []string{"instance"}})
	defer own.Rollback(&err)
	ln, err := resource.Listen(own, "unix", path)
	if err != nil {
		return fmt.Errorf("ops: %w", err)
	}
	return web.Serve(own, server(scope, ready), ln, web.Options{DrainDelay: -1}) // nobody routes requests here
}
