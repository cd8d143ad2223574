package convert

import (
	"fmt"
	"os/exec"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/resource"
)

// Register starts cmd, a command that runs Serve on its standard input and output. Its end is the hook "convert" of scope, and
// it ends with this process whatever that dies of.
func Register(scope *lastly.Scope, cmd *exec.Cmd) (c *Converter, err error) {
	// The child reads and writes files in the upload folder: first the child goes, then the folder.
	own := scope.Child(lastly.Hook{Name: "convert", Uses: []string{"upload"}})
	defer own.Rollback(&err)
	if c, err = connect(cmd); err != nil {
		return nil, err
	}
	if _, err := resource.Start(own, cmd); err != nil {
		return nil, fmt.Errorf("convert: %w", err)
	}
	return c, nil
}
