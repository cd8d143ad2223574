package lastly_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
)

// handler is a slog.Handler that does what a test wants.
type handler struct {
	write   func(slog.Record)
	enabled func() // called by Enabled, if not nil

	mu    sync.Mutex
	lines []string
}

func (h *handler) Enabled(context.Context, slog.Level) bool {
	if h.enabled != nil {
		h.enabled()
	}
	return true
}

func (h *handler) Handle(_ context.Context, rec slog.Record) error {
	var b strings.Builder
	b.WriteString(rec.Level.String() + " " + rec.Message)
	rec.Attrs(func(a slog.Attr) bool {
		if k := a.Key; k == "hook" || k == "outcome" || k == "scope" {
			b.WriteString(" " + k + "=" + a.Value.String())
		}
		return true
	})
	h.mu.Lock()
	h.lines = append(h.lines, b.String())
	h.mu.Unlock()
	if h.write != nil {
		h.write(rec)
	}
	return nil
}

func (h *handler) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h *handler) WithGroup(string) slog.Handler      { return h }

func (h *handler) text() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.lines, "\n")
}

// TestLog: what a Logger hears, and at which level.
func TestLog(t *testing.T) {
	h := &handler{}
	sc := lastly.Scope{Name: "app", Logger: slog.New(h)}
	sc.Defer("a", func(context.Context) error { return nil })
	sc.Defer("b", failWith(errOwn))
	c := sc.Child(lastly.Hook{Name: "child"}) // inherits it
	c.Defer("c", func(context.Context) error { return nil })
	_ = sc.Close()
	const want = `INFO lastly: closing scope=app
INFO lastly: closing scope=child
DEBUG lastly: hook done scope=child hook=c outcome=ok
INFO lastly: closed scope=child
DEBUG lastly: hook done scope=app hook=child outcome=ok
ERROR lastly: hook failed scope=app hook=b outcome=failed
DEBUG lastly: hook done scope=app hook=a outcome=ok
ERROR lastly: closed scope=app`
	if got := h.text(); got != want {
		t.Errorf("heard\n%s\nwant\n%s", got, want)
	}
	late := sc.Defer("late", failWith(errOwn))
	_ = late.Run(context.Background())
	if got := h.text(); !strings.Contains(strings.TrimPrefix(got, want), "hook=late") {
		t.Errorf("the failure of a late hook is not logged: %s", got)
	}
}

// TestSilence: without a Logger the library writes nothing anywhere. Conformance 1.
func TestSilence(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr, logger := os.Stdout, os.Stderr, slog.Default()
	var std bytes.Buffer
	os.Stdout, os.Stderr = w, w
	log.SetOutput(&std)
	slog.SetDefault(slog.New(slog.NewTextHandler(&std, nil)))
	func() {
		defer func() {
			os.Stdout, os.Stderr = stdout, stderr
			slog.SetDefault(logger)
			log.SetOutput(stderr)
		}()
		sc := lastly.Scope{HookTimeout: time.Millisecond}
		sc.Defer("fails", failWith(errOwn))
		sc.Defer("panics", func(context.Context) error { panic("boom") })
		sc.Defer("is late", untilDone)
		sc.Go(lastly.Hook{Name: "go", Run: failWith(errOwn)})
		<-sc.Closed()
		sc.Defer("late", failWith(errOwn))
	}()
	w.Close()
	out, err := io.ReadAll(r)
	if err != nil || len(out) > 0 || std.Len() > 0 {
		t.Errorf("wrote %q and %q, %v", out, std.String(), err)
	}
}

// TestBadHandlers hold nothing up and break nothing.
func TestBadHandlers(t *testing.T) {
	for name, bad := range map[string]func(sc *lastly.Scope, free chan struct{}){
		"blocks":              func(_ *lastly.Scope, free chan struct{}) { <-free },
		"panics":              func(*lastly.Scope, chan struct{}) { panic("no log") },
		"Goexit":              func(*lastly.Scope, chan struct{}) { runtime.Goexit() },
		"closes the scope":    func(sc *lastly.Scope, _ chan struct{}) { _ = sc.Close() },
		"asks for the report": func(sc *lastly.Scope, _ chan struct{}) { _ = sc.Report().String() },
		"registers": func(sc *lastly.Scope, _ chan struct{}) {
			if len(sc.Report().Hooks) < 100 { // each is logged when it is done, so it would never end
				sc.Child(lastly.Hook{})
			}
		},
	} {
		for _, where := range []string{"Handle", "Enabled"} {
			t.Run(name+" in "+where, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					free := make(chan struct{})
					defer close(free)
					var sc lastly.Scope
					var r recorder
					h := &handler{}
					if where == "Handle" {
						h.write = func(slog.Record) { bad(&sc, free) }
					} else {
						h.enabled = func() { bad(&sc, free) }
					}
					sc.Logger = slog.New(h)
					for range 20 {
						sc.Defer("x", func(context.Context) error { r.note("x"); return errOwn })
						sc.Defer("y", r.hook("y"))
					}
					began := time.Now()
					err := sc.Close()
					wantTook(t, began, 0, s)
					if len(hookErrors(err)) != 20 || r.count("x") != 20 || r.count("y") != 20 {
						t.Errorf("ran %d and %d, %v", r.count("x"), r.count("y"), err)
					}
				})
			})
		}
	}
}

// TestSlowHandler: lines that take their time, each less than one that is stuck, can't use up the time of the hooks in sum.
func TestSlowHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		slow := &handler{write: func(slog.Record) { time.Sleep(90 * time.Millisecond) }}
		sc := lastly.Scope{Grace: 3 * s, Logger: slog.New(slow)}
		for range 1000 {
			sc.Defer("x", func(context.Context) error { r.note("x"); return errOwn })
		}
		began := time.Now()
		err := sc.Close()
		wantTook(t, began, 0, 3*s)
		if n := len(hookErrors(err)); n != 1000 || r.count("x") != 1000 || errors.Is(err, lastly.ErrNotStarted) {
			t.Errorf("%d ran, %d errors", r.count("x"), n)
		}
		time.Sleep(s) // for the last line
	})
}

// TestLogAfterALongLife: what was logged before is no reason to be silent at the end.
func TestLogAfterALongLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &handler{write: func(slog.Record) { time.Sleep(90 * time.Millisecond) }}
		sc := lastly.Scope{Logger: slog.New(slow)}
		for range 100 {
			_ = sc.Defer("connection", failWith(errOwn)).Run(context.Background())
			time.Sleep(time.Hour)
		}
		sc.Defer("important", failWith(errOwn))
		_ = sc.Close()
		if text := slow.text(); strings.Count(text, "hook=connection") != 100 || !strings.Contains(text, "hook=important") {
			t.Errorf("heard\n%s", text)
		}
	})
}

// TestLastKeepsTheLogUsable: a Last hook flushes after everything that logs, the library included.
func TestLastKeepsTheLogUsable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where no line comes too late
		var out bytes.Buffer
		buffered := bytes.Buffer{} // what is in it and not flushed is lost
		logger := slog.New(slog.NewTextHandler(&buffered, &slog.HandlerOptions{Level: slog.LevelDebug}))
		sc := lastly.Scope{Logger: logger}
		closed := false
		sc.Register(lastly.Hook{Name: "log", Last: true, Run: func(context.Context) error {
			_, err := buffered.WriteTo(&out)
			closed = true
			return err
		}})
		sc.Register(lastly.Hook{Name: "server", Uses: lastly.Nothing, Run: func(context.Context) error {
			if closed {
				t.Error("the log is closed already")
			}
			logger.Info("good bye")
			return errOwn
		}})
		sc.Defer("panics", func(context.Context) error { panic("boom") })
		err := sc.Close()
		for _, want := range []string{"good bye", "lastly: hook failed", "server", "boom"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%q is lost", want)
			}
		}
		if !errors.Is(err, errOwn) {
			t.Error(err)
		}
	})
}
