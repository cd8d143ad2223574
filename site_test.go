package lastly_test

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/lastly-go/lastly"
)

var errSite = errors.New("tell me where I was registered")

func failsHere(context.Context) error { return errSite }

// registrar is what a caller may know of a scope.
type registrar interface {
	Register(h lastly.Hook) *lastly.Handle
	Defer(name string, run func(context.Context) error) *lastly.Handle
}

type embeds struct{ *lastly.Scope }

// The user's own helpers. What is wanted is the line in the helper: lastly can't know that it is one.

func inlined(sc *lastly.Scope) (site string) {
	sc.Defer("inlined", failsHere)
	return siteHere(-1)
}

func generic[C lastly.Cleanup](sc *lastly.Scope, c C) (site string) {
	lastly.DeferIn(sc, "generic", c)
	return siteHere(-1)
}

//go:noinline
func recursive(sc *lastly.Scope, n int) (site string) {
	if n > 0 {
		return recursive(sc, n-1)
	}
	sc.Register(lastly.Hook{Name: "recursive", Run: failsHere})
	return siteHere(-1)
}

// TestSites: the site is the caller's file and line, for everything that registers, however it is called.
func TestSites(t *testing.T) {
	var sc lastly.Scope
	want := make(map[string]string)
	obj := new([64]int)
	hook := func(name string) lastly.Hook { return lastly.Hook{Name: name, Run: failsHere} }
	stopped := func(ctx context.Context) error { <-ctx.Done(); return errSite }

	sc.Register(hook("Register"))
	want["Register"] = siteHere(-1)
	sc.Defer("Defer", failsHere)
	want["Defer"] = siteHere(-1)
	lastly.DeferIn(&sc, "DeferIn", func() error { return errSite })
	want["DeferIn"] = siteHere(-1)
	lastly.DeferIn(&sc, "DeferIn named type", errFunc(func() error { return errSite }))
	want["DeferIn named type"] = siteHere(-1)
	sc.Go(lastly.Hook{Name: "Go", Run: stopped})
	want["Go"] = siteHere(-1)
	child := sc.Child(lastly.Hook{Name: "Child"})
	want["Child"] = siteHere(-1)
	child.Register(hook("in child"))
	want["in child"] = siteHere(-1)
	lastly.Attach(&sc, obj, hook("Attach"))
	want["Attach"] = siteHere(-1)

	want["inlined"] = inlined(&sc)
	want["generic"] = generic(&sc, func() error { return errSite })
	want["recursive"] = recursive(&sc, 3)
	registrar(&sc).Register(hook("interface"))
	want["interface"] = siteHere(-1)
	registrar(embeds{&sc}).Register(hook("embedded, interface"))
	want["embedded, interface"] = siteHere(-1)
	embeds{&sc}.Defer("embedded", failsHere)
	want["embedded"] = siteHere(-1)
	register := sc.Register
	register(hook("method value"))
	want["method value"] = siteHere(-1)
	(*lastly.Scope).Defer(&sc, "method expression", failsHere)
	want["method expression"] = siteHere(-1)
	f := lastly.DeferIn[func() error]
	f(&sc, "instantiated", func() error { return errSite })
	want["instantiated"] = siteHere(-1)
	sc.
		Register(lastly.Hook{
			Name: "many lines",
			Run:  failsHere,
		})
	want["many lines"] = siteHere(-4)
	func() {
		defer sc.Defer("deferred", failsHere)
		defer lastly.DeferIn(&sc, "deferred, generic", func() error { return errSite })
		defer func() {
			sc.Register(hook("in a deferred function"))
			want["in a deferred function"] = siteHere(-1)
		}()
	}()
	want["deferred"], want["deferred, generic"] = siteHere(-1), siteHere(-1)

	err := sc.Close()
	runtime.KeepAlive(obj)
	seen := 0
	for _, he := range hookErrors(err) {
		seen++
		if he.Site != want[he.Name] {
			t.Errorf("%s: site is %s, want %s", he.Name, shortSites(he.Site), shortSites(want[he.Name]))
		}
	}
	if seen != len(want) {
		t.Errorf("%d failures, want %d: %v", seen, len(want), err)
	}
	for _, h := range sc.Report().Hooks {
		if h.Site != want[h.Name] {
			t.Errorf("report: %s: site is %s", h.Name, h.Site)
		}
	}
}

// TestSiteOfProcess: the functions that register on the process's scope. Their hooks are cancelled or run here, so that nothing is
// left to it.
func TestSiteOfProcess(t *testing.T) {
	run := func(h *lastly.Handle, want string) {
		t.Helper()
		var he *lastly.HookError
		if err := h.Run(context.Background()); !errors.As(err, &he) || he.Site != want {
			t.Errorf("%v, want site %s", err, want)
		}
	}
	run(lastly.Register(lastly.Hook{Name: "Register", Run: failsHere}), siteHere(0))
	run(lastly.Defer("Defer", func() error { return errSite }), siteHere(0))
	run(lastly.Go("Go", func(ctx context.Context) error { <-ctx.Done(); return errSite }), siteHere(0))
}

// TestSiteOfGoStatement: `go scope.Defer(...)` has no caller; the site must be something all the same, and no crash.
func TestSiteOfGoStatement(t *testing.T) {
	var sc lastly.Scope
	go sc.Defer("x", failsHere)
	poll(t, "it is registered", func() bool { return len(sc.Report().Hooks) == 1 })
	var he *lastly.HookError
	if err := sc.Close(); !errors.As(err, &he) || he.Site == "" {
		t.Errorf("%v", err)
	}
}

// TestNameIsTheSite when there is none.
func TestNameIsTheSite(t *testing.T) {
	var sc lastly.Scope
	sc.Register(lastly.Hook{Run: failsHere})
	file, line, _ := strings.Cut(siteHere(-1), ":")
	want := filepath.Base(file) + ":" + line
	if _, err := strconv.Atoi(line); err != nil {
		t.Fatal(err)
	}
	if name := sc.Report().Hooks[0].Name; name != want {
		t.Errorf("name is %q, want %q", name, want)
	}
	wantErrorNames(t, sc.Close(), want)
}
