// Package run is `lastly run -- CMD`: it runs a command as if nobody stood between, returns its exit status, and leaves nothing
// of it: neither processes nor what was registered.
//
// Package engine holds the command's tree, this one what is registered on a scope.
package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/cmd/lastly/internal/control"
	"github.com/lastly-go/lastly/cmd/lastly/internal/run/config"
	"github.com/lastly-go/lastly/cmd/lastly/internal/run/engine"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/seam"
)

// Flags are the names of the flags of `lastly run`.
func Flags() []string { return engine.Flags() }

// Main is `lastly run` with the arguments after "run". It returns the exit status.
func Main(args []string) int {
	durable.Init() // a guard goes no further
	if engine.Begun != nil {
		return goOn(engine.Begun)
	}
	o, err := engine.Parse(args)
	if err != nil {
		return fail(err)
	}
	if o.Help {
		if _, err := os.Stdout.WriteString(Help); err != nil && !errors.Is(err, syscall.EPIPE) {
			return fail(fmt.Errorf("write the help: %w", err))
		}
		return 0
	}
	r := newRunner(o)
	if err := r.configure(args); err != nil {
		return fail(err)
	}
	if err := r.start(); err != nil {
		r.settle(codeOf(err))
		return fail(err)
	}
	r.session.Run()
	return r.end()
}

// goOn takes over a command that was plain until somebody connected to its socket.
func goOn(s *engine.Session) int {
	r := newRunner(s.Options)
	r.session = s
	s.Served()
	r.allow()
	if err := r.serveOn(); err != nil {
		s.Warn(err.Error() + "; what is in the run can register nothing")
		s.Unlisten()
	}
	s.Run()
	return r.end()
}

// A runner is one `lastly run` that has more than a command.
type runner struct {
	options   *engine.Options
	config    *config.File // nil: there is none
	scope     *lastly.Scope
	session   *engine.Session
	temp      string
	onFailure []*durable.Record[durable.Command]
	server    *control.Server

	mu   sync.Mutex // guards tree
	tree []*durable.Record[durable.Process]

	configured configured
}

func newRunner(o *engine.Options) *runner {
	return &runner{options: o, scope: &lastly.Scope{Name: "lastly run"}}
}

// start registers what the flags say, and starts the command.
func (r *runner) start() (err error) {
	if err := r.lock(); err != nil {
		return err
	}
	r.recover()
	if r.session, err = engine.Prepare(r.options); err != nil {
		return err
	}
	r.session.Served()
	if err := r.register(); err != nil {
		return err
	}
	if err := r.serve(); err != nil {
		r.session.NoSocket = err.Error()
		r.session.Warn(err.Error() + "; what is in the run can register nothing")
	}
	if err := r.registerTree(); err != nil {
		return err
	}
	var env []string
	if r.temp != "" {
		env = append(env, "TMPDIR="+r.temp)
	}
	if err := r.session.Start(env...); err != nil {
		r.forgetTree()
		return err
	}
	r.describeTree()
	return nil
}

// How long the command waits for what earlier runs left, and for a guard that is still at it.
const (
	recoverLimit = 5 * time.Second
	recoverWait  = 2 * time.Second
)

// recover undoes what earlier runs left that nobody else has undone: those whose guard was killed as well, or the machine. It comes
// before anything is made that has the same names.
func (r *runner) recover() {
	swept := control.Sweep()
	report, err := durable.Recover(context.Background(), durable.Options{Limit: recoverLimit, Wait: recoverWait})
	var failed error
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("what earlier runs left took longer than %v to undo: the rest is for the next run, or for `lastly sweep`", recoverLimit)
	}
	if n := report.Count(durable.Failed); n > 0 {
		failed = fmt.Errorf("%d of the things that earlier runs left could not be undone; `lastly list` shows why", n)
	}
	if all := errors.Join(err, failed, swept); all != nil && !r.options.Quiet {
		for _, line := range told(all) {
			engine.Print(line)
		}
	}
}

// end settles what is registered when the command's tree is gone, and returns the exit status.
func (r *runner) end() int {
	r.forgetTree()
	return r.settle(r.session.Code())
}

// settle closes the scope. The exit status is that of the command, but a failed cleanup makes one of 0.
func (r *runner) settle(code int) int {
	if code == 0 {
		for _, record := range r.onFailure {
			record.Cancel()
		}
		r.configured.spare()
	}
	if r.session != nil {
		go r.session.WatchLate() // ends with the process
	}
	if r.server != nil {
		r.scope.Grace += r.server.Time()
	}
	err := r.scope.Shutdown(context.Background())
	if reportErr := r.report(); reportErr != nil {
		err = errors.Join(err, reportErr)
	}
	if seam.OfDurable != nil {
		seam.OfDurable.Finish()
	}
	if err != nil {
		for _, line := range told(err) {
			engine.Print(line)
		}
		if code == 0 {
			code = engine.CodeOwn
		}
	}
	return code
}

// fail says why the command was not run, and returns the exit status for that.
func fail(err error) int {
	engine.Print(err.Error())
	return codeOf(err)
}

func codeOf(err error) int {
	if e, ok := errors.AsType[*engine.StartError](err); ok {
		return e.Code
	}
	return engine.CodeOwn
}
