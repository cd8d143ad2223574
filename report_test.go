package lastly_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/lastly-go/lastly"
)

// golden compares text with a file of testdata, line numbers and stacks taken out. With UPDATE=1 it writes the file.
func golden(t *testing.T, name, text string) {
	t.Helper()
	text = regexp.MustCompile(`_test\.go:\d+`).ReplaceAllString(shortSites(text), "_test.go:N")
	text = regexp.MustCompile(`"stack": "[^"]+"`).ReplaceAllString(text, `"stack": "..."`)
	text = regexp.MustCompile(`"began": "(1999-12-31|2000-01-01)T[^"]+"`).ReplaceAllString(text, `"began": "the bubble's time"`)
	file := filepath.Join("testdata", name)
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("%s is\n%s\nwant\n%s", file, text, want)
	}
}

// sample is a scope with some of everything. Times are whole, for the bubble's clock is exact.
func sample(free chan struct{}) *lastly.Scope {
	sc := &lastly.Scope{Name: "app", Grace: 20 * s}
	takes := func(d time.Duration, err error) func(context.Context) error {
		return func(context.Context) error { time.Sleep(d); return err }
	}
	sc.Register(lastly.Hook{Name: "log", Last: true, BestEffort: true, Run: takes(10*time.Millisecond, errOwn)})
	sc.Register(lastly.Hook{Name: "db", Run: takes(1500*time.Millisecond, nil)})
	sc.Register(lastly.Hook{Name: "cache", Uses: lastly.Nothing, Run: takes(s, nil)})
	sc.Register(lastly.Hook{Name: "hangs", Uses: lastly.Nothing, Timeout: 2100 * time.Millisecond, Run: hangUntil(free)}) // no two end in one moment
	child := sc.Child(lastly.Hook{Name: "module", Uses: []string{"db", "nobody"}})
	child.Register(lastly.Hook{Name: "in it", Run: func(context.Context) error { time.Sleep(s); panic("boom") }})
	sc.Go(lastly.Hook{Name: "worker", Uses: []string{"db", "cache"}, Run: untilDone})
	sc.Register(lastly.Hook{Name: "a", Uses: []string{"b"}, Run: takes(0, nil)})
	sc.Register(lastly.Hook{Name: "b", Uses: []string{"a"}, Run: takes(0, nil)})
	return sc
}

func indented(t *testing.T, rep lastly.Report) string {
	t.Helper()
	var b bytes.Buffer
	raw, err := json.Marshal(rep)
	if err == nil {
		err = json.Indent(&b, raw, "", "  ")
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String() + "\n"
}

// TestReportForms pins the JSON and the text form, of the plan, of a running close and of a finished one.
func TestReportForms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		defer close(free)
		sc := sample(free)
		plan := sc.Report()
		golden(t, "plan.json", indented(t, plan))
		golden(t, "plan.txt", plan.String())
		done := make(chan error)
		go func() { done <- sc.Close() }()
		time.Sleep(1200 * time.Millisecond)
		during := sc.Report()
		golden(t, "during.txt", during.String())
		<-done
		after := sc.Report()
		golden(t, "after.json", indented(t, after))
		golden(t, "after.txt", after.String())
		time.Sleep(time.Hour)
		if now := sc.Report(); now.String() != after.String() || now.Duration != after.Duration {
			t.Error("a finished report changes")
		}
		var b bytes.Buffer
		if n, err := after.WriteTo(&b); err != nil || n != int64(b.Len()) || b.String() != after.String() {
			t.Errorf("WriteTo wrote %d of %d, %v", n, b.Len(), err)
		}
	})
}

func idsNamed(rep lastly.Report, ids []int) (names []string) {
	for _, id := range ids {
		for _, h := range rep.Hooks {
			if h.ID == id {
				names = append(names, h.Name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// TestPlan: for each hook what it waits for and what it is unordered against.
func TestPlan(t *testing.T) {
	var sc lastly.Scope
	for _, spec := range []string{"db", "cache:-", "!log", "server:db,cache", "worker:db", "sweeper"} {
		h, _ := parseHook(spec)
		h.Run = func(context.Context) error { return nil }
		sc.Register(h)
	}
	rep := sc.Report()
	for name, want := range map[string]struct{ waits, beside []string }{
		// sweeper names nothing: it uses all that was registered before it.
		"sweeper": {},
		"server":  {[]string{"sweeper"}, []string{"worker"}},
		"worker":  {[]string{"sweeper"}, []string{"cache", "server"}},
		"cache":   {[]string{"server", "sweeper"}, []string{"db", "worker"}},
		"db":      {[]string{"server", "sweeper", "worker"}, []string{"cache"}},
		"log":     {[]string{"cache", "db"}, nil},
	} {
		h := inReport(t, rep, name)
		if got := idsNamed(rep, h.WaitsFor); !slices.Equal(got, want.waits) {
			t.Errorf("%s waits for %q, want %q", name, got, want.waits)
		}
		if got := idsNamed(rep, h.Beside); !slices.Equal(got, want.beside) {
			t.Errorf("%s is beside %q, want %q", name, got, want.beside)
		}
		if h.Outcome != lastly.OutcomePending || h.Last != (name == "log") {
			t.Errorf("%+v", h)
		}
	}
	if rep.State != "open" || !rep.Began.IsZero() || rep.Cause != nil || rep.Grace != lastly.DefaultGrace || rep.ExitCode != nil {
		t.Errorf("%+v", rep)
	}
}

// TestReportDuring: seen from a hook and from outside: what has ended, what runs, what waits.
func TestReportDuring(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sc lastly.Scope
		outcomes := func() string {
			var b strings.Builder
			for _, h := range sc.Report().Hooks {
				fmt.Fprintf(&b, "%s %s %v+%v; ", h.Name, h.Outcome, h.Start, h.Duration)
			}
			return b.String()
		}
		sc.Defer("first", func(context.Context) error { return nil })
		sc.Defer("middle", func(context.Context) error {
			time.Sleep(s)
			if got := outcomes(); got != "first pending 0s+0s; middle running 2s+1s; last failed 0s+2s; " {
				t.Errorf("from a hook: %s", got)
			}
			time.Sleep(s)
			return nil
		})
		sc.Defer("last", func(context.Context) error { time.Sleep(2 * s); return errOwn })
		done := make(chan error)
		go func() { done <- sc.Close() }()
		time.Sleep(s)
		rep := sc.Report()
		if got := outcomes(); got != "first pending 0s+0s; middle pending 0s+0s; last running 0s+1s; " {
			t.Errorf("from outside: %s", got)
		}
		if rep.State != "closing" || rep.Duration != s || !errors.Is(rep.Cause, lastly.ErrClosing) || rep.Began.IsZero() {
			t.Errorf("%+v", rep)
		}
		<-done
		if got := outcomes(); got != "first ok 4s+0s; middle ok 2s+2s; last failed 0s+2s; " {
			t.Errorf("after: %s", got)
		}
		if rep := sc.Report(); rep.State != "closed" || rep.Duration != 4*s {
			t.Errorf("%+v", rep)
		}
	})
}

// TestCriticalPath is the chain of hooks that decided how long it took.
func TestCriticalPath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sc lastly.Scope
		var r recorder
		takes := map[string]time.Duration{"db": s, "fast": s, "slow": 3 * s, "index": 9 * s, "log": s}
		for _, spec := range []string{"!log", "db:-", "index:-", "fast:db,index", "slow:db"} {
			h, _ := parseHook(spec)
			h.Run = r.sleeper(h.Name, takes[h.Name])
			sc.Register(h)
		}
		if err := sc.Close(); err != nil {
			t.Error(err)
		}
		var path []string
		for _, h := range sc.Report().Hooks {
			if h.Critical {
				path = append(path, h.Name)
			}
		}
		if !slices.Equal(path, []string{"log", "index", "fast"}) {
			t.Errorf("critical path %q\n%v", path, sc.Report())
		}
	})
}

// TestOddNames: any string is a name; nothing that a terminal would obey gets out, and the JSON is valid.
func TestOddNames(t *testing.T) {
	names := []string{
		"\x1b[2J\x1b[31mred", "line\nbreak\r", "bell\a", "null\x00", "bad \xff\xfe utf8", "right\u202eto left", "tab\t", `quote"s`, "ünï çödé 日本",
		strings.Repeat("long", 1000), "\u009b31m", "%s%n%!d", "\x00lastly.Nothing",
	}
	sc := lastly.Scope{Name: "scope\x1b[1m\n"}
	for _, name := range names {
		sc.Register(lastly.Hook{Name: name, Uses: []string{"nobody\x1b[0m", name}, Run: failWith(errors.New("failed\x1b[31m\nhard \xff\u202e"))})
	}
	c := sc.Child(lastly.Hook{Name: "child\x1b\n"})
	c.Register(lastly.Hook{Name: "a\x1b", Uses: []string{"b\x1b"}, Run: failWith(errOwn)})
	c.Register(lastly.Hook{Name: "b\x1b", Uses: []string{"a\x1b"}, Run: failWith(errOwn)})
	if _, err := sc.Hold("hold\x1b[1m\n"); err != nil {
		t.Fatal(err)
	}
	check := func(what, text string, lines int) {
		t.Helper()
		if !utf8.ValidString(text) {
			t.Errorf("%s is no valid UTF-8", what)
		}
		for _, bad := range []string{"\x1b", "\a", "\x00", "\r", "\t", "\u202e", "\u009b"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s lets %q through", what, bad)
			}
		}
		if n := strings.Count(text, "\n"); lines >= 0 && n != lines {
			t.Errorf("%s has %d lines, want %d:\n%s", what, n, lines, text)
		}
	}
	plan := sc.Report()
	check("the plan", plan.String(), 1+len(names)+1+1+2+1+len(names))
	check("Check", sc.Check().Error(), -1)
	sc.HookTimeout = time.Millisecond
	err := sc.Close()
	after := sc.Report()
	check("the report", after.String(), -1)
	for _, he := range hookErrors(err) {
		if strings.Contains(he.Name, "long") {
			continue
		}
		text, _, _ := strings.Cut(he.Error(), "): ") // what the hook itself said is its own
		check("the error", text, 0)
	}
	for _, rep := range []lastly.Report{plan, after} {
		raw, err := json.Marshal(rep)
		if err != nil || !json.Valid(raw) || !utf8.Valid(raw) {
			t.Errorf("JSON: %v", err)
		}
		var back struct {
			Hooks []struct{ Name string }
		}
		if err := json.Unmarshal(raw, &back); err != nil || back.Hooks[0].Name != names[0] {
			t.Errorf("%v, %q", err, back.Hooks[0].Name)
		}
	}
}

// TestReportManyHooks: the quadratic part is left out of large scopes; the rest is there.
func TestReportManyHooks(t *testing.T) {
	sc := lastly.Scope{Grace: time.Hour, HookTimeout: time.Hour} // all begin at once, and a busy machine takes its time
	for range 20_000 {
		sc.Register(lastly.Hook{Name: "x", Uses: lastly.Nothing, Run: func(context.Context) error { return nil }})
	}
	rep := sc.Report()
	if len(rep.Hooks) != 20_000 || rep.Hooks[0].Beside != nil {
		t.Errorf("%d hooks", len(rep.Hooks))
	}
	if err := sc.Close(); err != nil {
		t.Error(err)
	}
	if rep := sc.Report(); len(rep.Hooks) != 20_000 || rep.Hooks[19_999].Outcome != lastly.OutcomeOK {
		t.Error(len(rep.Hooks))
	}
}
