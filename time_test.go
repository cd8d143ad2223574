package lastly_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
)

const s = time.Second

// TestDefaults: what a hook and a flow get when nobody says anything.
func TestDefaults(t *testing.T) {
	if lastly.DefaultGrace != 25*s || lastly.DefaultHookTimeout != 10*s || lastly.Reserve != 2*s {
		t.Error("the defaults are a promise: 25 s, 10 s, 2 s")
	}
	synctest.Test(t, func(t *testing.T) {
		var sc lastly.Scope
		free := make(chan struct{})
		defer close(free)
		sc.Defer("hangs", hangUntil(free))
		began := time.Now()
		sc.Defer("looks", func(ctx context.Context) error {
			if d, ok := ctx.Deadline(); !ok || d.Sub(began) != 10*s {
				t.Errorf("deadline after %v", d.Sub(began))
			}
			return nil
		})
		err := sc.Close()
		wantErrorNames(t, err, "hangs")
		wantTook(t, began, 10*s, 11*s)
		if g := sc.Report().Grace; g != 25*s {
			t.Errorf("grace %v", g)
		}
	})
}

// TestHookTime: a hook gets min(its timeout, the scope's, the rest of the grace), from the moment it starts.
func TestHookTime(t *testing.T) {
	for _, test := range []struct {
		name           string
		grace, timeout time.Duration // of the scope
		own            time.Duration // the hook's timeout
		before         time.Duration // what the hook before it takes
		want           time.Duration
	}{
		{"default", 0, 0, 0, 0, 10 * s},
		{"own timeout", 0, 0, 3 * s, 0, 3 * s},
		{"own timeout, longer than the scope's", 0, 2 * s, 5 * s, 0, 5 * s},
		{"the scope's timeout", 0, 4 * s, 0, 0, 4 * s},
		{"the clock starts when the hook starts", 0, 0, 3 * s, 5 * s, 3 * s},
		{"the rest of the grace", 8 * s, 0, 0, 5 * s, 3 * s},
		{"the rest of the grace, own timeout longer", 8 * s, 0, 20 * s, 5 * s, 3 * s},
		{"long timeouts within a long grace", time.Hour, 0, 50 * time.Minute, 9 * s, 50 * time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var r recorder
				sc := lastly.Scope{Grace: test.grace, HookTimeout: test.timeout}
				var got, ended time.Duration
				sc.Register(lastly.Hook{Name: "it", Timeout: test.own, Run: func(ctx context.Context) error {
					began := time.Now()
					d, ok := ctx.Deadline()
					if !ok {
						t.Error("no deadline")
					}
					got = d.Sub(began)
					<-ctx.Done()
					ended = time.Since(began)
					if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
						t.Error(ctx.Err())
					}
					return nil
				}})
				sc.Register(lastly.Hook{Name: "before", Timeout: 10 * time.Minute, Run: r.sleeper("before", test.before)})
				err := sc.Close()
				if got != test.want || ended != test.want {
					t.Errorf("deadline after %v, ended after %v, want %v", got, ended, test.want)
				}
				wantErrorNames(t, err, "it")
			})
		})
	}
}

// slowOnes are ways to use up all the time that a flow has. Each registers something that is called "slow".
var slowOnes = map[string]func(sc *lastly.Scope, r *recorder, free chan struct{}){
	"a hook that heeds its context": func(sc *lastly.Scope, _ *recorder, _ chan struct{}) { sc.Defer("slow", untilDone) },
	"a hook that hangs":             func(sc *lastly.Scope, _ *recorder, free chan struct{}) { sc.Defer("slow", hangUntil(free)) },
	"a Go that hangs": func(sc *lastly.Scope, _ *recorder, free chan struct{}) {
		sc.Go(lastly.Hook{Name: "slow", Run: hangUntil(free)})
	},
	"a child that hangs": func(sc *lastly.Scope, r *recorder, free chan struct{}) {
		c := sc.Child(lastly.Hook{Name: "slow"})
		c.Defer("first in child", r.hook("first in child"))
		c.Defer("in child", hangUntil(free))
	},
	"run early, hangs": func(sc *lastly.Scope, _ *recorder, free chan struct{}) {
		h := sc.Defer("slow", hangUntil(free))
		go h.Run(context.Background())
		synctest.Wait()
	},
	"a hold": func(sc *lastly.Scope, _ *recorder, _ chan struct{}) { _, _ = sc.Hold("slow") },
}

// TestSlowCantStarve: the time is used up, the rest still runs, each with a share of the reserve: when it is short from the beginning,
// by the scope's grace or a deadline, and when it is cut short in the middle.
func TestSlowCantStarve(t *testing.T) {
	const short = 5 * s
	for name, slow := range slowOnes {
		for _, by := range []string{"grace", "deadline", "cancel"} {
			t.Run(name+", "+by, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					free := make(chan struct{})
					defer close(free)
					var r recorder
					sc := lastly.Scope{Grace: time.Hour, HookTimeout: time.Minute}
					for i := range 20 {
						sc.Defer(fmt.Sprint(i), func(ctx context.Context) error {
							if d, _ := ctx.Deadline(); ctx.Err() != nil || time.Until(d) < 10*time.Millisecond {
								t.Errorf("hook %d has only %v, %v", i, time.Until(d), ctx.Err())
							}
							r.note("x")
							return nil
						})
					}
					if by == "grace" {
						sc.Grace = short
					}
					slow(&sc, &r, free)
					ctx, cancel := context.WithCancel(context.Background())
					switch by {
					case "deadline":
						ctx, cancel = context.WithTimeout(ctx, short)
					case "cancel":
						time.AfterFunc(short, cancel)
					}
					defer cancel()
					began := time.Now()
					err := sc.Shutdown(ctx)
					wantTook(t, began, short, short+lastly.Reserve)
					if n := r.count("x"); n != 20 {
						t.Errorf("%d of 20 ran", n)
					}
					if he := hookErrors(err); len(he) == 0 || he[0].Name != "slow" || !errors.Is(err, context.DeadlineExceeded) {
						t.Error(err)
					}
					if strings.Contains(name, "child") {
						wantErrorNames(t, err, "slow", "in child")
						if r.count("first in child") != 1 {
							t.Error("the rest of the child did not run")
						}
					}
				})
			})
		}
	}
}

// TestTimeoutHidesNothing: a hook that overran and failed, in whatever wrapping, tells both.
func TestTimeoutHidesNothing(t *testing.T) {
	for name, late := range map[string]func(ctx context.Context) error{
		"its own":        func(context.Context) error { return errOwn },
		"joined":         func(ctx context.Context) error { return errors.Join(errOwn, ctx.Err()) },
		"wrapped, both":  func(ctx context.Context) error { return fmt.Errorf("flushing: %w (%w)", errOwn, ctx.Err()) },
		"a child's hook": nil,
		"a panic":        func(context.Context) error { panic(errOwn) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				free := make(chan struct{})
				defer close(free)
				sc := lastly.Scope{Grace: 5 * s}
				sc.Defer("earlier", failWith(errors.New("fine")))
				if late != nil {
					sc.Register(lastly.Hook{Name: "late", Timeout: s, Run: func(ctx context.Context) error {
						<-ctx.Done()
						return late(ctx)
					}})
				} else {
					c := sc.Child(lastly.Hook{Name: "late", Timeout: s})
					c.Defer("hangs", hangUntil(free))
					c.Defer("fails first", failWith(errOwn))
				}
				err := sc.Close()
				if !errors.Is(err, errOwn) || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v", err)
				}
				if o := inReport(t, sc.Report(), "late").Outcome; o != lastly.OutcomeTimedOut && late != nil {
					t.Errorf("outcome %q", o)
				}
			})
		})
	}
}
