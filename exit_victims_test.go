package lastly_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
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
		lastly.Defer("site", sayExitSite)
		lastly.Main(func(ctx context.Context) error {
			lastly.Main(func(context.Context) error { say("the second was started"); return nil })
			return nil
		})
	},
	"bad-main": func([]string) {
		hook("one")
		lastly.Defer("site", sayExitSite)
		lastly.Program{Grace: -1}.Main(func(context.Context) error { say("run was started"); return nil })
	},
})

// sayExitSite is a hook that says in which file the exit began.
func sayExitSite() {
	e, _ := errors.AsType[*lastly.ExitError](context.Cause(lastly.Process().Context()))
	file, _, _ := strings.Cut(filepath.Base(e.Site), ":")
	say("Exit at %s", file)
}

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
		lastly.Defer("fails first", func() error { return errFromRun })
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

// exitUnderMainIn calls Exit at odd places.
func exitUnderMainIn(args []string) {
	hook("one")
	p := lastly.Program{}
	if args[0] == "OnExit" {
		p.OnExit = func(lastly.Report) { lastly.Exit(3) }
	}
	p.Main(func(ctx context.Context) (err error) {
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
