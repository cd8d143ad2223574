package convert

import (
	"os/exec"

	"github.com/lastly-go/lastly"
)

// Register starts the child and registers its end on scope as the hook "convert".
func Register(scope *lastly.Scope, cmd *exec.Cmd) (*Converter, error) {
	c, err := Start(cmd)
	if err != nil {
		return nil, err
	}
	scope.Register(lastly.Hook{
		Name: "convert",
		Run:  c.Stop,
		// The child reads and writes files in the upload folder: first the child goes, then the folder.
		Uses: []string{"upload"},
	})
	return c, nil
}
