package lastly_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/testproc"
)

// recorder notes what ran, in order.
type recorder struct {
	mu  sync.Mutex
	ran []string
}

func (r *recorder) note(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ran = append(r.ran, name)
}

func (r *recorder) hook(name string) func(context.Context) error {
	return func(context.Context) error {
		r.note(name)
		return nil
	}
}

// sleeper is a hook that takes its time; under synctest only.
func (r *recorder) sleeper(name string, d time.Duration) func(context.Context) error {
	return func(context.Context) error {
		r.note(name)
		time.Sleep(d)
		return nil
	}
}

func (r *recorder) names() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.ran)
}

func (r *recorder) count(name string) int {
	n := 0
	for _, ran := range r.names() {
		if ran == name {
			n++
		}
	}
	return n
}

func (r *recorder) want(t *testing.T, names ...string) {
	t.Helper()
	if ran := r.names(); !slices.Equal(ran, names) {
		t.Errorf("ran %q, want %q", ran, names)
	}
}

// poll waits until ok, outside of a bubble: for what only the garbage collector decides, or the kernel.
func poll(t *testing.T, what string, ok func() bool) {
	t.Helper()
	testproc.Poll(t, what, func() bool {
		runtime.GC()
		return ok()
	})
}

// hangUntil is a hook that ignores its context until free is closed.
func hangUntil(free <-chan struct{}) func(context.Context) error {
	return func(context.Context) error {
		<-free
		return nil
	}
}

// untilDone is a hook that returns its context's error when its time is over.
func untilDone(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func failWith(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

// siteHere is the file:line of its caller, lines further down.
func siteHere(lines int) string {
	_, file, line, _ := runtime.Caller(1)
	return fmt.Sprintf("%s:%d", file, line+lines)
}

// inReport finds a hook by its name.
func inReport(t *testing.T, r lastly.Report, name string) lastly.HookReport {
	t.Helper()
	for _, h := range r.Hooks {
		if h.Name == name {
			return h
		}
	}
	t.Fatalf("no %q in %v", name, r)
	panic("unreachable")
}

// hookErrors are the hook errors that Close joined, in their order, children's own included.
func hookErrors(err error) []*lastly.HookError {
	var found []*lastly.HookError
	var walk func(err error)
	walk = func(err error) {
		switch e := err.(type) { //nolint:errorlint // this is what looks into them
		case nil:
		case *lastly.HookError:
			found = append(found, e)
			walk(e.Err)
		case interface{ Unwrap() []error }:
			for _, one := range e.Unwrap() {
				walk(one)
			}
		default:
			walk(errors.Unwrap(err))
		}
	}
	walk(err)
	return found
}

func wantErrorNames(t *testing.T, err error, names ...string) {
	t.Helper()
	var got []string
	for _, e := range hookErrors(err) {
		got = append(got, e.Name)
	}
	if !slices.Equal(got, names) {
		t.Errorf("errors of %q, want %q: %v", got, names, err)
	}
}

// shortSites takes the directories out of a text that names places in this package.
func shortSites(text string) string {
	_, file, _, _ := runtime.Caller(0)
	return strings.ReplaceAll(text, filepath.Dir(file)+string(filepath.Separator), "")
}

func wantTook(t *testing.T, began time.Time, least, most time.Duration) {
	t.Helper()
	if took := time.Since(began); took < least || took > most {
		t.Errorf("took %v, want %v to %v", took, least, most)
	}
}
