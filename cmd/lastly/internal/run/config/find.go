package config

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/lastly-go/lastly/internal/action"
	"github.com/lastly-go/lastly/internal/pathid"
)

// find makes sure that all can be registered, and run: otherwise that would come out when some is registered already, or at the
// end.
func (f *File) find() error {
	for _, path := range f.Remove {
		abs, err := filepath.Abs(path)
		if err == nil {
			_, err = pathid.Capture(abs)
		}
		if err != nil {
			return f.errorf(f.removeLine, "remove %s: %w; name a path that may go, in a folder that can be read", path, err)
		}
	}
	for i := range f.Hooks {
		h := &f.Hooks[i]
		command, err := action.Command(h.Command).Capture()
		if err != nil {
			return f.errorf(h.line, "%v: %w; install the program, or correct argv or dir", h, err)
		}
		for _, name := range command.Env {
			if _, ok := os.LookupEnv(name); !ok {
				return f.errorf(h.line, "%v: env: the variable %s is not set; set it for lastly run, or leave it out", h, name)
			}
		}
		h.Command.Args, h.Command.Dir = command.Args, command.Dir
	}
	return nil
}

func (f *File) errorf(line int, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %w", f.Name, line, fmt.Errorf(format, args...))
}
