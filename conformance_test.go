package lastly_test

import (
	"context"
	"errors"
	"io"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
)

// Cases of peers' test suites that have no natural place elsewhere; docs/conformance.md lists all of them.

// TestConformancePage: docs/conformance.md has a row for each case, and the tests that it names exist.
func TestConformancePage(t *testing.T) {
	page := readFile(t, "docs/conformance.md")
	var code strings.Builder
	for _, file := range house(t).files {
		if strings.HasSuffix(file, "_test.go") {
			code.WriteString(readFile(t, file))
		}
	}
	for _, name := range regexp.MustCompile(`\b(Test|Example|Benchmark)\w+`).FindAllString(page, -1) {
		if !strings.Contains(code.String(), "\nfunc "+name+"(") {
			t.Errorf("there is no %s", name)
		}
	}
	const cases = "1 2 3 5 6 7 8 9 10 12 14 15 17 18 21 23 24 25 26 27 28 29 30 32 34 35 37 38 39 40 41 42 44 46 48 49 50 51 53 54 56 58 " +
		"59 60 61 63 64 66 67 68 69 70 71 73 74 75 76 78 80 82 83 84 86 87 88 90 N2 N3"
	for _, number := range strings.Fields(cases) {
		if !strings.Contains(page, "\n| "+number+" |") {
			t.Errorf("case %s has no row", number)
		}
	}
}

// TestArguments is conformance 2a: each call has its own arguments, newest first.
func TestArguments(t *testing.T) {
	var sc lastly.Scope
	var r recorder
	for _, arg := range []string{"a", "b", "c"} {
		lastly.DeferIn(&sc, "f", func() { r.note(arg) })
	}
	if err := sc.Close(); err != nil {
		t.Error(err)
	}
	r.want(t, "c", "b", "a")
}

// TestOpen is conformance 40 and 41: opening comes first; if it fails, nothing is registered and what was opened before is closed.
func TestOpen(t *testing.T) {
	var r recorder
	open := func(sc *lastly.Scope, name string, fail error) error {
		if fail != nil {
			return fail
		}
		r.note("open " + name)
		sc.Defer(name, r.hook("close "+name))
		return nil
	}
	var sc lastly.Scope
	err := func() (err error) {
		child := sc.Child(lastly.Hook{Name: "both"})
		defer child.Rollback(&err)
		if err := open(child, "a", nil); err != nil {
			return err
		}
		return open(child, "b", errOwn)
	}()
	if !errors.Is(err, errOwn) || len(sc.Report().Hooks) != 0 {
		t.Errorf("%v\n%v", err, sc.Report())
	}
	r.want(t, "open a", "close a")
}

// TestErrorsAreNotHandled is conformance 44 and 46, which differ: hooks see no errors of others and can't make them go away; each
// answers for its own.
func TestErrorsAreNotHandled(t *testing.T) {
	body := func() (err error) {
		var sc lastly.Scope
		defer func() { err = errors.Join(err, sc.Close()) }()
		sc.Defer("outer, fails", failWith(io.ErrShortWrite))
		sc.Defer("handles its own", func(context.Context) error {
			if err := io.EOF; !errors.Is(err, io.EOF) {
				return err
			}
			return nil
		})
		sc.Defer("inner, fails", failWith(io.ErrNoProgress))
		return errOwn
	}
	err := body()
	for _, want := range []error{errOwn, io.ErrNoProgress, io.ErrShortWrite} {
		if !errors.Is(err, want) {
			t.Errorf("%v is lost: %v", want, err)
		}
	}
	if errors.Is(err, io.EOF) {
		t.Error("what a hook dealt with leaves the scope")
	}
}

// TestOnSuccessOnFailure is conformance 49: always is a hook of the scope; on failure is one of a child that is rolled back; on success is
// the end of the function.
func TestOnSuccessOnFailure(t *testing.T) {
	for outcome, want := range map[string][]string{
		"success": {"success", "always"}, "failure": {"failure", "always"}, "panic": {"failure", "always"},
	} {
		var r recorder
		func() {
			defer func() { _ = recover() }()
			_ = func() (err error) {
				var sc lastly.Scope
				defer sc.Close()
				sc.Defer("always", r.hook("always"))
				onFailure := sc.Child(lastly.Hook{Name: "on failure"})
				undo := onFailure.Defer("failure", r.hook("failure"))
				defer onFailure.Rollback(&err)
				switch outcome {
				case "failure":
					return errOwn
				case "panic":
					panic("boom")
				}
				undo.Cancel() // committed
				r.note("success")
				return nil
			}()
		}()
		r.want(t, want...)
	}
}

// TestNotAtExit is conformance 56: what is not to run at exit belongs to a scope of nobody.
func TestNotAtExit(t *testing.T) {
	var process, nobody lastly.Scope
	var r recorder
	process.Defer("old", r.hook("old"))
	nobody.Defer("not at exit", r.hook("not at exit"))
	process.Defer("fails", func(context.Context) error { r.note("fails"); return errOwn })
	process.Defer("new", r.hook("new"))
	_ = process.Close()
	runtime.KeepAlive(&nobody)
	r.want(t, "new", "fails", "old")
}

// TestPhases is conformance 59, 60 and 61, which differ: no numbers. A phase is a name that several bear, and each phase uses
// the next; what is to run one after the other inside a phase is a child, and what has no phase is ordered by registration.
func TestPhases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sc lastly.Scope
		var r recorder
		next := map[string][]string{"drain": {"servers"}, "servers": {"workers"}, "workers": {"stores"}, "stores": lastly.Nothing}
		for _, member := range []string{"stores 1", "drain 1", "workers 1", "servers 1", "servers 2", "stores 2", "workers 2"} {
			phase, _, _ := strings.Cut(member, " ")
			sc.Register(lastly.Hook{Name: phase, Uses: next[phase], Run: r.sleeper(member, s)})
		}
		seq := sc.Child(lastly.Hook{Name: "servers", Uses: next["servers"]})
		seq.Defer("old", r.sleeper("servers old", s))
		seq.Defer("new", r.sleeper("servers new", s))
		sc.Register(lastly.Hook{Name: "log", Last: true, Run: r.hook("log")})
		began := time.Now()
		if err := sc.Close(); err != nil {
			t.Error(err)
		}
		wantTook(t, began, 5*s, 5*s) // drain 1, servers 2 (the child), workers 1, stores 1
		ran := r.names()
		var phases []string
		for _, member := range ran {
			phase, _, _ := strings.Cut(member, " ")
			if len(phases) == 0 || phases[len(phases)-1] != phase {
				phases = append(phases, phase)
			}
		}
		if want := []string{"drain", "servers", "workers", "stores", "log"}; !slices.Equal(phases, want) {
			t.Errorf("phases %q, of %q", phases, ran)
		}
		if slices.Index(ran, "servers new") > slices.Index(ran, "servers old") {
			t.Errorf("inside a phase: %q", ran)
		}
	})
}
