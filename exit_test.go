package lastly_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/testproc"
)

var _ = addVictims(testproc.Victims{
	"exit-code": exitCode,
	"exit-many": exitMany,
	"exit-beside-main": func(args []string) {
		hook("one")
		lastly.Defer("fails", func() error { return errFromRun })
		after, _ := time.ParseDuration(args[0])
		began := make(chan time.Time)
		go func() {
			began <- time.Now()
			lastly.Exit(3)
		}()
		for now := <-began; time.Since(now) < after; { // a window of microseconds: spin
		}
		p := lastly.Program{Stderr: io.Discard}
		p.Main(func(ctx context.Context) error { say("run was started"); <-ctx.Done(); return nil })
	},
	"exit-alone-from":    exitAloneFrom,
	"exit-under-main-in": exitUnderMainIn,
	"fatal-message":      fatalMessage,
	"second-main": func([]string) {
		hook("one")
		lastly.Main(func(ctx context.Context) error {
			lastly.Main(func(context.Context) error { say("the second was started"); return nil })
			return nil
		})
	},
	"bad-main": func([]string) {
		hook("one")
		lastly.Program{Grace: -1}.Main(func(context.Context) error { say("run was started"); return nil })
	},
})

// exitCode exits with a code: under Main or alone.
func exitCode(args []string) {
	code, _ := strconv.Atoi(args[1])
	lastly.Defer("hook", func() {
		e, _ := errors.AsType[*lastly.ExitError](context.Cause(lastly.Process().Context()))
		say("hook sees %d", e.Code)
	})
	if args[0] == "alone" {
		lastly.Exit(code)
	}
	lastly.Main(func(ctx context.Context) error {
		go lastly.Exit(code)
		<-ctx.Done()
		return ctx.Err()
	})
}

// TestExitCodes is conformance 25 and 26.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"alone", "under Main"} {
		for _, code := range []int{0, 1, 2, 3, 54, 32} {
			t.Run(fmt.Sprint(how, " ", code), func(t *testing.T) {
				t.Parallel()
				r := testproc.Start(t, "exit-code", how, strconv.Itoa(code)).Wait()
				r.Check(t, fmt.Sprint("exit ", code))
				r.CheckLines(t, fmt.Sprint("hook sees ", code))
			})
		}
	}
}

// exitMany exits with the codes given, one after the other as far as "then" separates them, at once otherwise.
func exitMany(args []string) {
	lastly.Defer("hook", func() { say("hook") })
	many := func() {
		var gone sync.WaitGroup
		var deferred atomic.Int32
		for _, word := range args[1:] {
			if word == "then" {
				gone.Wait()
				continue
			}
			code, _ := strconv.Atoi(word)
			gone.Add(1)
			go func() {
				if args[0] == "alone" { // Exit does not end the goroutine
					gone.Done()
				} else {
					defer gone.Done()
				}
				defer deferred.Add(1)
				lastly.Exit(code)
				say("Exit returned")
			}()
		}
		gone.Wait()
		if args[0] != "alone" {
			say("deferred calls: %d", deferred.Load())
		}
	}
	if args[0] == "alone" {
		// The flow waits for this, so that all of them come before its end.
		lastly.Defer("wait", func() { testproc.Linger(100 * time.Millisecond) })
		many()
		select {}
	}
	lastly.Main(func(ctx context.Context) error {
		many()
		<-ctx.Done()
		return nil
	})
}

// TestExitMany is conformance 28: the first decides, and a later non-zero replaces only 0.
func TestExitMany(t *testing.T) {
	t.Parallel()
	crowd := make([]string, 64)
	for i := range crowd {
		crowd[i] = strconv.Itoa(i + 100)
	}
	for _, c := range []struct {
		words []string
		ends  string
	}{
		{[]string{"3", "then", "4"}, "exit 3"},
		{[]string{"0", "then", "4"}, "exit 4"},
		{[]string{"0", "then", "4", "then", "5"}, "exit 4"},
		{[]string{"3", "then", "0"}, "exit 3"},
		{[]string{"0", "then", "0"}, "exit 0"},
		{append([]string{"7", "then"}, crowd...), "exit 7"},
		{append([]string{"0", "then", "7", "then"}, crowd...), "exit 7"},
		{crowd, "exit 1?? or 16?"},
	} {
		t.Run(fmt.Sprintf("%.40v", c.words), func(t *testing.T) {
			t.Parallel()
			r := testproc.Start(t, "exit-many", append([]string{"under Main"}, c.words...)...).Wait()
			if len(c.words) == len(crowd) {
				if code, _ := strconv.Atoi(strings.TrimPrefix(r.Ended, "exit ")); code < 100 || code > 163 {
					t.Errorf("ended with %q, which none of the crowd asked for", r.Ended)
				}
			} else {
				r.Check(t, c.ends)
			}
			exits := len(c.words) - strings.Count(strings.Join(c.words, " "), "then")
			r.CheckLines(t, fmt.Sprint("deferred calls: ", exits))
			r.CheckNoLine(t, "Exit returned")
			if n := r.Count("hook"); n != 1 {
				t.Errorf("the hook ran %d times\n%v", n, r)
			}
		})
	}
	t.Run("alone", func(t *testing.T) {
		t.Parallel()
		r := testproc.Start(t, "exit-many", append([]string{"alone"}, crowd...)...).Wait()
		if code, _ := strconv.Atoi(strings.TrimPrefix(r.Ended, "exit ")); code < 100 || code > 163 {
			t.Errorf("ended with %q, which none of the crowd asked for", r.Ended)
		}
		r.CheckNoLine(t, "Exit returned")
		if n := r.Count("hook"); n != 1 {
			t.Errorf("the hook ran %d times\n%v", n, r)
		}
	})
}

// TestExitBesideMain races Exit against the beginning of Main.
func TestExitBesideMain(t *testing.T) {
	t.Parallel()
	for i := range 30 {
		after := time.Duration(i) * 200 * time.Nanosecond
		t.Run(after.String(), func(t *testing.T) {
			t.Parallel()
			r := testproc.Start(t, "exit-beside-main", after.String()).Wait()
			r.Check(t, "exit 3")
			r.CheckLines(t, "hook one")
			if r.Count("run was started") > 0 && r.Err != "" {
				t.Errorf("both Main and an Exit without Main end the process\n%v", r)
			}
		})
	}
}

// exitAloneFrom calls Exit without Main.
func exitAloneFrom(args []string) {
	hook("one")
	switch args[0] {
	case "a goroutine":
		go func() {
			lastly.Exit(3)
			say("Exit returned")
		}()
	case "a Go":
		lastly.Go("worker", func(context.Context) error {
			lastly.Exit(3)
			say("Exit returned")
			return nil
		})
	case "a hook of another scope":
		var s lastly.Scope
		s.Defer("other", func(context.Context) error { hook("two"); return nil })
		s.Defer("exits", func(context.Context) error { lastly.Exit(3); return nil })
		_ = s.Close() // does not wait for the hook that is gone
		say("closed")
	case "a hook of a child":
		c := lastly.Process().Child(lastly.Hook{Name: "child"})
		c.Defer("two", func(context.Context) error { say("hook two"); return nil })
		c.Defer("exits", func(context.Context) error { lastly.Exit(3); return nil })
		_ = c.Close()
		say("closed")
	case "a hook, in the flow":
		lastly.Defer("exits", func() { lastly.Exit(4) })
		hook("two")
		lastly.Exit(3)
	case "a hook, after 0":
		lastly.Defer("exits", func() { lastly.Exit(3) })
		hook("two")
		lastly.Exit(0)
	case "a failing flow":
		lastly.Defer("fails", func() error { return errFromRun })
		hook("two")
		lastly.Exit(3)
	case "main, after Program.Run":
		code := lastly.Program{}.Run(context.Background(), func(context.Context) error { lastly.Exit(5); return nil })
		hook(fmt.Sprint("two, after ", code))
		lastly.Exit(3)
	case "Main, after Program.Run":
		code := lastly.Program{}.Run(context.Background(), func(context.Context) error { lastly.Exit(5); return nil })
		hook(fmt.Sprint("two, after ", code))
		lastly.Main(func(context.Context) error { lastly.Exit(3); return nil })
	case "a goroutine of a hook":
		lastly.Defer("waits", func() {
			called := make(chan struct{})
			go func() {
				defer close(called) // not before the process is gone
				lastly.Exit(3)
			}()
			select {
			case <-called:
				say("Exit returned")
			case <-time.After(50 * time.Millisecond):
			}
		})
		lastly.Exit(0)
	}
	forever()
}

func TestExitAlone(t *testing.T) {
	t.Parallel()
	for from, lines := range map[string][]string{
		"a goroutine":             {"hook one"},
		"a Go":                    {"hook one"},
		"a hook of another scope": {"hook one"},
		"a hook of a child":       {"hook two", "hook one"},
		"a hook, in the flow":     {"hook two", "hook one"},
		"a hook, after 0":         {"hook two", "hook one"},
		"a failing flow":          {"hook two", "hook one"},
		"a goroutine of a hook":   {"hook one"},
		"main, after Program.Run": {"hook one", "hook two, after 5"},
		"Main, after Program.Run": {"hook one", "hook two, after 5"},
	} {
		t.Run(from, func(t *testing.T) {
			t.Parallel()
			r := testproc.Start(t, "exit-alone-from", from).Wait()
			r.Check(t, "exit 3")
			r.CheckLines(t, lines...)
			r.CheckNoLine(t, "Exit returned")
			if from == "a failing flow" {
				r.CheckErr(t, `hook "fails"`, "own error")
			} else if r.Err != "" {
				t.Errorf("stderr: %s", r.Err)
			}
		})
	}
}

// exitUnderMainIn calls Exit at odd places.
func exitUnderMainIn(args []string) {
	hook("one")
	lastly.Main(func(ctx context.Context) (err error) {
		defer say("deferred")
		switch args[0] {
		case "a deferred call":
			defer lastly.Exit(3)
			return errFromRun
		case "a deferred call, panicking":
			defer lastly.Exit(3)
			explode()
		case "a function with Rollback":
			return build()
		case "a hook, in Rollback":
			child := lastly.Process().Child(lastly.Hook{Name: "child"})
			defer child.Rollback(&err)
			child.Defer("two", func(context.Context) error { say("hook two"); return nil })
			child.Defer("exits", func(context.Context) error { lastly.Exit(3); return nil })
			return errFromRun
		case "a hook of a child":
			child := lastly.Process().Child(lastly.Hook{Name: "child"})
			child.Defer("two", func(context.Context) error { say("hook two"); return nil })
			child.Child(lastly.Hook{Name: "grandchild"}).Defer("exits", func(context.Context) error { lastly.Exit(3); return nil })
			return nil
		case "a hook that run closes":
			var s lastly.Scope
			s.Defer("two", func(context.Context) error { say("hook two"); return nil })
			s.Defer("exits", func(context.Context) error { lastly.Exit(3); return nil })
			_ = s.Close()
			<-ctx.Done()
			return ctx.Err()
		case "a late hook":
			lastly.Defer("exits late", func() {
				lastly.Defer("two", func() { say("hook two"); lastly.Exit(3) })
			})
			return nil
		case "a Go, when it is stopped":
			lastly.Go("worker", func(ctx context.Context) error {
				<-ctx.Done()
				lastly.Exit(3)
				return nil
			})
			return nil
		case "every hook":
			for range 20 {
				lastly.Register(lastly.Hook{Uses: lastly.Nothing, Run: func(context.Context) error { lastly.Exit(3); return nil }})
			}
			return nil
		}
		return nil
	})
}

func build() (err error) {
	child := lastly.Process().Child(lastly.Hook{Name: "child"})
	defer child.Rollback(&err)
	child.Defer("two", func(context.Context) error { say("hook two"); return nil })
	lastly.Exit(3)
	return nil
}

func TestExitUnderMain(t *testing.T) {
	t.Parallel()
	for in, lines := range map[string][]string{
		"a deferred call":            {"deferred", "hook one"},
		"a deferred call, panicking": {"deferred", "hook one"}, // Goexit takes the panic with it, as os.Exit would
		"a function with Rollback":   {"deferred", "hook two", "hook one"},
		"a hook, in Rollback":        {"hook two", "deferred", "hook one"},
		"a hook of a child":          {"deferred", "hook two", "hook one"},
		"a hook that run closes":     {"hook two", "deferred", "hook one"},
		"a late hook":                {"deferred", "hook two", "hook one"},
		"a Go, when it is stopped":   {"deferred", "hook one"},
		"every hook":                 {"deferred", "hook one"},
	} {
		t.Run(in, func(t *testing.T) {
			t.Parallel()
			r := testproc.Start(t, "exit-under-main-in", in).Wait()
			r.Check(t, "exit 3")
			r.CheckLines(t, lines...)
			if strings.Contains(r.Err, "hook ") {
				t.Errorf("a hook that exits is no failure:\n%v", r)
			}
		})
	}
}

// fatalMessage ends by Fatal or Fatalf, with the standard logger set up in some way.
func fatalMessage(args []string) {
	hook("one")
	log.SetFlags(log.Lshortfile)
	log.SetPrefix("prefix: ")
	if args[0] == "blocked" {
		log.SetOutput(blocked{})
	}
	if args[0] == "panics" {
		log.SetOutput(blocked{panics: true})
	}
	end := func(context.Context) error {
		if args[1] == "f" {
			lastly.Fatalf("%d of %s", 7, "nine")
		}
		lastly.Fatal("seven ", 7, 8, " nine", os.ErrNotExist)
		return nil
	}
	if args[0] == "alone" {
		_ = end(context.Background())
	}
	lastly.Program{HookTimeout: 50 * time.Millisecond}.Main(end)
}

// blocked is a writer that never returns.
type blocked struct{ panics bool }

func (b blocked) Write([]byte) (int, error) {
	if b.panics {
		panic("boom")
	}
	forever()
	return 0, nil
}
