package run

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/cmd/lastly/internal/control"
	"github.com/lastly-go/lastly/cmd/lastly/internal/run/config"
	"github.com/lastly-go/lastly/cmd/lastly/internal/run/engine"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/action"
	"github.com/lastly-go/lastly/resource"
)

// register registers what is to be undone, in the order of the flags: the last one is the first to be undone. The folder for
// temporary files outlives the commands. What a file says comes last, and so is the first.
func (r *runner) register() error {
	if r.options.Temp {
		dir, err := resource.TempDir(r.scope, "run-*")
		if err != nil {
			return trimmed(err)
		}
		r.temp = dir
	}
	for _, h := range r.options.Hooks {
		if err := r.registerHook(h); err != nil {
			return fmt.Errorf("--%s %s: %w", nameOf(h.Kind), h.Text, trimmed(err))
		}
	}
	return trimmed(r.registerConfig())
}

// nameOf is the flag's.
func nameOf(kind engine.Kind) string {
	return map[engine.Kind]string{engine.Remove: "remove", engine.OnExit: "on-exit", engine.OnFailure: "on-failure"}[kind]
}

func (r *runner) registerHook(h engine.Hook) error {
	if h.Kind == engine.Remove {
		return registerRemove(r.scope, h.Text)
	}
	words, err := wordsOf(h.Text)
	if err != nil {
		return err
	}
	record, err := durable.Exec.Register(r.scope, durable.Command{Args: words}, lastly.Hook{Name: nameOf(h.Kind) + " " + filepath.Base(words[0])})
	if err == nil && h.Kind == engine.OnFailure {
		r.onFailure = append(r.onFailure, record)
	}
	return err
}

// wordsOf are those of a command that can be run.
func wordsOf(text string) ([]string, error) {
	words, err := split(text)
	switch {
	case err != nil:
		return nil, err
	case len(words) == 0:
		return nil, errors.New("no command; write one, or leave the flag out")
	case !utf8.ValidString(text):
		return nil, errors.New("it is not UTF-8; write a script that does it, and name that")
	}
	if _, err := (action.Command{Args: words}).Capture(); err != nil {
		return nil, fmt.Errorf("%w; name a program that is there now, by its path or in PATH", err)
	}
	return words, nil
}

func registerRemove(s *lastly.Scope, given string) error {
	path, err := filepath.Abs(given)
	if err != nil {
		return err
	}
	_, err = durable.Remove.Register(s, durable.Path{Path: path}, lastly.Hook{Name: config.RemoveName(given)})
	return err
}

// added is the scope of what comes over the socket. It is registered before the command's tree, so that the tree ends first, also
// when a guard settles.
func (r *runner) added() *lastly.Scope { return r.scope.Child(lastly.Hook{Name: "added"}) }

// serve makes the run's socket.
func (r *runner) serve() (err error) {
	r.server, err = control.Serve(r.added(), "", control.Options{Journaled: true})
	if err != nil {
		return trimmed(err)
	}
	r.session.Socket = r.server.Path()
	return nil
}

// serveOn goes on with the socket that the command knows already. Only when somebody adds something the tree is written down, and
// before that: who is answered may be sure that the tree ends first.
func (r *runner) serveOn() error {
	file := os.NewFile(uintptr(r.session.Taken()), "control socket")
	ln, err := net.FileListener(file)
	_ = file.Close()
	if err != nil {
		return fmt.Errorf("control socket: %w", err)
	}
	inner, command := r.session.Inner, r.session.Command // which the session changes, in another goroutine
	o := control.Options{Listener: ln.(*net.UnixListener), First: func() error { return r.registerRunning(inner, command) }}
	r.server, err = control.Serve(r.added(), r.session.Socket, o)
	return trimmed(err)
}

func (r *runner) grace() time.Duration { return time.Duration(r.options.Grace) * time.Millisecond }

// trimmed is an error without the library's name, which is the command's as well.
func trimmed(err error) error {
	if err == nil {
		return nil
	}
	if text, ok := strings.CutPrefix(err.Error(), "lastly: "); ok {
		return errors.New(text)
	}
	return err
}
