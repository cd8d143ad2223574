package lastly_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
)

// TestHoldsAreLogged: who waits for a close can see for what it waits.
func TestHoldsAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lockedBuffer
		sc := lastly.Scope{Logger: slog.New(slog.NewTextHandler(&log, nil))}
		for range 2 {
			release, _ := sc.Hold("request")
			time.AfterFunc(s, release)
		}
		_ = sc.Close()
		if !strings.Contains(log.String(), `msg="lastly: waiting for work in progress" scope="" holds=2 at_most=10s`) {
			t.Errorf("the log:\n%s", log.String())
		}
	})
}

// TestHold: closing waits for every hold, also for one that came while others were awaited. Conformance 67.
func TestHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sc lastly.Scope
		var r recorder
		sc.Defer("hook", r.hook("hook"))
		first, err1 := sc.Hold("first")
		second, err2 := sc.Hold("second")
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		done := make(chan error)
		go func() { done <- sc.Close() }()
		<-sc.Context().Done()
		if st := sc.Report().State; st != "holding" {
			t.Error(st)
		}
		third, err := sc.Hold("third")
		if err != nil {
			t.Fatal("work that comes while others are awaited is held")
		}
		first()
		first() // as often as one likes
		second()
		synctest.Wait()
		r.want(t)
		fourth, err := sc.Hold("fourth")
		if err != nil {
			t.Fatal(err)
		}
		third()
		synctest.Wait()
		r.want(t)
		fourth()
		if err := <-done; err != nil {
			t.Error(err)
		}
		r.want(t, "hook")
		for _, release := range []func(){first, second, third, fourth} {
			release()
		}
		if _, err := sc.Hold("too late"); !errors.Is(err, lastly.ErrClosed) {
			t.Error(err)
		}
	})
}

// TestHoldMany: holds and releases from everywhere while the scope closes: no hook starts while one is held.
func TestHoldMany(t *testing.T) {
	var sc lastly.Scope
	var mu sync.Mutex
	held, started := 0, false
	sc.Defer("hook", func(context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		started = true
		if held > 0 {
			t.Errorf("%d are held", held)
		}
		return nil
	})
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for range 300 {
				mu.Lock()
				release, err := sc.Hold("work")
				if err != nil {
					mu.Unlock()
					if !errors.Is(err, lastly.ErrClosing) {
						t.Error(err)
					}
					release()
					return
				}
				if started {
					t.Error("held although hooks have started")
				}
				held++
				mu.Unlock()
				runtime.Gosched()
				mu.Lock()
				held--
				mu.Unlock()
				release()
			}
		})
	}
	runtime.Gosched()
	if err := sc.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
}

// TestHoldTimes: closing waits for holds at most HookTimeout, or the grace; what is not released is named, and hooks run. Conformance 67.
func TestHoldTimes(t *testing.T) {
	for _, test := range []struct {
		grace, timeout, ctx time.Duration
		release             time.Duration // 0: never
		want                time.Duration
	}{
		{want: 10 * s},
		{release: 3 * s, want: 3 * s},
		{timeout: 2 * s, want: 2 * s},
		{timeout: 2 * s, release: 5 * s, want: 2 * s},
		{grace: 4 * s, want: 4 * s},
		{ctx: s, want: s},
	} {
		t.Run(fmt.Sprintf("%+v", test), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sc := lastly.Scope{Grace: test.grace, HookTimeout: test.timeout}
				var began, started time.Time
				sc.Defer("hook", func(ctx context.Context) error {
					started = time.Now()
					return ctx.Err()
				})
				site := siteHere(1)
				release, err := sc.Hold("work")
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				if test.ctx > 0 {
					time.AfterFunc(test.ctx, cancel)
				}
				if test.release > 0 {
					time.AfterFunc(test.release, release)
				}
				began = time.Now()
				err = sc.Shutdown(ctx)
				if got := started.Sub(began); got != test.want {
					t.Errorf("hooks started after %v, want %v", got, test.want)
				}
				if test.release > 0 && test.release == test.want {
					if err != nil {
						t.Error(err)
					}
					return
				}
				wantErrorNames(t, err, "work")
				if h := inReport(t, sc.Report(), "work"); h.Kind != "hold" || h.Site != site || h.Outcome != lastly.OutcomeAbandoned || h.ID != 0 {
					t.Errorf("%+v", h)
				}
				if rep := sc.Report(); rep.Holding != test.want {
					t.Errorf("holding took %v", rep.Holding)
				}
				time.Sleep(time.Hour)
				release()
				release()
			})
		})
	}
}

// TestHoldWithoutName is called the same in the error and in the report.
func TestHoldWithoutName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sc lastly.Scope
		if _, err := sc.Hold(""); err != nil {
			t.Fatal(err)
		}
		he := hookErrors(sc.Close())
		if len(he) != 1 || he[0].Name == "" {
			t.Fatal(he)
		}
		if h := inReport(t, sc.Report(), he[0].Name); h.Site != he[0].Site {
			t.Errorf("%+v", h)
		}
	})
}
