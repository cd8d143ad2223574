package run

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/cmd/lastly/internal/control"
	"github.com/lastly-go/lastly/cmd/lastly/internal/run/config"
	"github.com/lastly-go/lastly/cmd/lastly/internal/run/engine"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/resource"
)

// forgetTree strikes the tree, which is gone.
func (r *runner) forgetTree() {
	for _, record := range r.tree {
		record.Cancel()
	}
}

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
			return trimmed(err)
		}
	}
	return trimmed(r.registerConfig())
}

func (r *runner) registerHook(h engine.Hook) error {
	if h.Kind == engine.Remove {
		return registerRemove(r.scope, h.Text)
	}
	flag := map[engine.Kind]string{engine.OnExit: "--on-exit", engine.OnFailure: "--on-failure"}[h.Kind]
	words, err := split(h.Text)
	if err != nil {
		return fmt.Errorf("%s %s: %w", flag, h.Text, err)
	}
	if len(words) == 0 {
		return fmt.Errorf("%s: no command; write one, or leave the flag out", flag)
	}
	record, err := durable.Exec.Register(r.scope, durable.Command{Args: words}, lastly.Hook{Name: strings.TrimPrefix(flag, "--") + " " + filepath.Base(words[0])})
	if err != nil {
		return fmt.Errorf("%s %s: %w", flag, h.Text, err)
	}
	if h.Kind == engine.OnFailure {
		r.onFailure = append(r.onFailure, record)
	}
	return nil
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
func (r *runner) serve() error {
	server, err := control.Serve(r.added(), "", control.Options{Journaled: true})
	if err != nil {
		return trimmed(err)
	}
	r.session.Socket = server.Path()
	return nil
}

// serveOn goes on with the socket that the command knows already.
func (r *runner) serveOn(added *lastly.Scope) error {
	file := os.NewFile(uintptr(r.session.Taken()), "control socket")
	ln, err := net.FileListener(file)
	_ = file.Close()
	if err != nil {
		return fmt.Errorf("control socket: %w", err)
	}
	_, err = control.Serve(added, r.session.Socket, control.Options{Listener: ln.(*net.UnixListener)})
	return trimmed(err)
}

// registerTree writes the tree down, before there is one: should both processes that hold it be killed, the guard ends what bears
// the mark. With --let-go that would be too much, for daemons bear it as well.
func (r *runner) registerTree() error {
	if r.session.Mark == "" || r.options.LetGo {
		return nil // else package resource has written it down
	}
	return r.registerProcess(durable.Process{Mark: r.session.Mark, Grace: r.grace()})
}

// describeTree names the inner process, for which the guard waits.
func (r *runner) describeTree() {
	inner := durable.Process{Pid: r.session.Inner, Grace: r.grace(), Await: r.grace() + awaitInner}
	switch {
	case r.session.Mark == "":
	case r.options.LetGo: // an error means that it was quick, and is gone
		_ = r.registerProcess(durable.Process{Pid: r.session.Command, Grace: r.grace()})
		if inner.Pid != 0 {
			_ = r.registerProcess(inner) // after the command, and so awaited before that is killed
		}
	case inner.Pid == 0:
		_ = r.tree[0].Update(durable.Process{Mark: r.session.Mark, Pid: r.session.Command, Grace: r.grace()})
	default:
		inner.Mark = r.session.Mark
		_ = r.tree[0].Update(inner)
	}
}

func (r *runner) registerProcess(process durable.Process) error {
	none := func(context.Context) error { return nil } // while this process lives the session ends it
	hook := lastly.Hook{Name: "command " + filepath.Base(r.options.Command[0]), Run: none, Timeout: r.grace() + 2*awaitInner}
	record, err := durable.Kill.Register(r.scope, process, hook)
	if err != nil {
		return trimmed(err)
	}
	r.tree = append(r.tree, record)
	return nil
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
