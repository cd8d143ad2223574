package main

import (
	"context"
	"errors"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/lastly-go/lastly/examples/service/app"
	"github.com/lastly-go/lastly/examples/service/logfile"
)

// death is one way for the service to end.
type death struct {
	name  string // what -deaths and the JSON call it
	title string // what the table calls it
	note  string // what to know when reading its row
	hand  string // the same for the service wired by hand

	// end brings the death about, and returns the moment of it. It does not wait for the service to be gone.
	end func(ctx context.Context, p *process) (time.Time, error)
	// exit is the status that the service ends with if it ends right, as process.exit words it.
	exit string
	// hang gives the service a collector that never answers, so that its telemetry hook hangs.
	hang bool
	// outright says that the process runs not one more instruction: what is in its memory is lost by nature.
	outright bool
}

// deaths are all deaths of the first table, in its order.
func deaths() []death {
	return []death{
		{name: "return", title: "run returns nil", end: told(app.EndReturn), exit: "0"},
		{name: "error", title: "run returns an error", end: told(app.EndError), exit: "1"},
		{name: "panic", title: "run panics", end: told(app.EndPanic), exit: "2"},
		{name: "exit", title: "Exit in a handler", end: told(app.EndExit), exit: strconv.Itoa(app.ExitCode)},
		{name: "sigint", title: "SIGINT", end: signaled(syscall.SIGINT), exit: "SIGINT"},
		{name: "sigterm", title: "SIGTERM", end: signaled(syscall.SIGTERM), exit: "0"},
		{name: "sighup", title: "SIGHUP", end: signaled(syscall.SIGHUP), exit: "0"},
		{
			name: "second-signal", title: "SIGINT twice, a hook hangs", end: signaledTwice(syscall.SIGINT),
			exit: strconv.Itoa(128 + int(syscall.SIGINT)), hang: true,
			note: "The telemetry's collector never answers. Nothing uses that hook, so all others are done by then; " +
				"the second SIGINT skips it, by design. Timed from the second SIGINT.",
			hand: "The second SIGINT goes where the first went: signal.NotifyContext holds it until stop is called.",
		},
		{
			name: "sigkill", title: "SIGKILL", end: signaled(syscall.SIGKILL), exit: "SIGKILL", outright: true,
			note: "No process survives this one, so what was in its memory is lost by nature, and in brackets: answers under way, " +
				"words to those who watch, the end of the log. The database's -wal has acknowledged rows, so it has to stay until the next " +
				"start takes them in. All else was released by the guard; timed until then.",
			hand: "In brackets what is lost by nature, with or without lastly.",
		},
	}
}

// told is a death that the service brings about itself, told so over HTTP.
func told(how string) func(context.Context, *process) (time.Time, error) {
	return func(ctx context.Context, p *process) (time.Time, error) {
		return time.Now(), p.tell(ctx, how)
	}
}

// signaled is a death by a signal from outside.
func signaled(sig syscall.Signal) func(context.Context, *process) (time.Time, error) {
	return func(_ context.Context, p *process) (time.Time, error) {
		return time.Now(), p.cmd.Process.Signal(sig)
	}
}

// signaledTwice is the death of somebody who lost patience: the signal, and again when nothing goes on any more.
func signaledTwice(sig syscall.Signal) func(context.Context, *process) (time.Time, error) {
	return func(ctx context.Context, p *process) (time.Time, error) {
		if err := p.cmd.Process.Signal(sig); err != nil {
			return time.Time{}, err
		}
		p.waitIdle(ctx)
		err := p.cmd.Process.Signal(sig)
		if errors.Is(err, os.ErrProcessDone) {
			err = nil // the first one was enough: then that is what the row shows
		}
		return time.Now(), err
	}
}

const (
	hangLimit = 10 * time.Second       // how long the service may take to come to the hook that hangs
	idleLimit = time.Second            // and then, to close the log
	keyPress  = 150 * time.Millisecond // within 100 ms a second signal counts as the same key press
)

// waitIdle returns when the hanging hook is all that the service still waits for: its collector was called, and the log,
// which the service closes after everything else, has its end. A service that closes nothing more while the hook hangs
// never gets that far; then it is the time that decides.
func (p *process) waitIdle(ctx context.Context) {
	select {
	case <-p.collector.called:
	case <-p.exited:
		return
	case <-ctx.Done():
		return
	case <-time.After(hangLimit): // it doesn't; the row will show what became of it
	}
	idle, cancel := context.WithTimeout(ctx, idleLimit)
	defer cancel()
	_ = poll(idle, p.exited, func() bool {
		ended, err := logfile.Ended(p.path(app.LogFile))
		return err == nil && ended
	})
	select {
	case <-time.After(keyPress):
	case <-p.exited:
	case <-ctx.Done():
	}
}
