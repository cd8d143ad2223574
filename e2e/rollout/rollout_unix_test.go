//go:build unix

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/lastly-go/lastly/internal/testproc"
)

// small is a rollout on a machine that may be very busy: the drain delay is thirty times as long as the proxy's.
func small() settings {
	return settings{
		requests: 2000,
		restarts: 4,
		rate:     500,
		clients:  40,
		poll:     20 * time.Millisecond,
		delay:    100 * time.Millisecond,
		drain:    3 * time.Second,
	}
}

func wiringNamed(t *testing.T, name string) wiring {
	t.Helper()
	list := wiringsNamed(func(n string) bool { return n == name })
	if len(list) != 1 {
		t.Fatalf("%d wirings have the name %q, want one", len(list), name)
	}
	return list[0]
}

func try(t *testing.T, s settings, name string) row {
	t.Helper()
	r, err := s.try(t.Context(), wiringNamed(t, name))
	if err != nil {
		t.Fatal(err)
	}
	if r.Requests < s.requests {
		t.Errorf("%d requests, want at least %d", r.Requests, s.requests)
	}
	return r
}

func TestLastlyLosesNothing(t *testing.T) {
	r := try(t, small(), "lastly's web.Serve")
	if r.failed() != 0 || r.Restarts != 4 || !r.MustBeClean {
		t.Errorf("got %+v, want 4 restarts and nothing lost", r)
	}
}

func TestHarnessLosesNothing(t *testing.T) {
	r := try(t, small(), "no restarts, to check the harness")
	if r.failed() != 0 || r.Restarts != 0 || !r.MustBeClean {
		t.Errorf("got %+v, want no restarts and nothing lost", r)
	}
}

// TestOthersLose wants the load to find out what the ways to end do to it: without that, zero would mean nothing.
func TestOthersLose(t *testing.T) {
	for _, name := range []string{"os.Exit, or no handler", "http.Server.Shutdown"} {
		t.Run(name, func(t *testing.T) {
			r := try(t, small(), name)
			if r.Lost[refused] == 0 || r.Restarts != 4 || r.MustBeClean {
				t.Errorf("got %+v, want 4 restarts, and connections refused", r)
			}
		})
	}
}

func TestWrongEndIsAnError(t *testing.T) {
	s := small()
	s.requests, s.restarts = 10, 1
	w := wiringNamed(t, "os.Exit, or no handler")
	w.ends = endsWell
	if r, err := s.try(t.Context(), w); err == nil || !strings.Contains(err.Error(), "signal: terminated") {
		t.Errorf("got %+v, %v, want an error that tells how the instance ended", r, err)
	}
}

func TestInstanceEndsWithItsParent(t *testing.T) {
	i, err := startInstance(t.Context(), assignment{Role: "killed", Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	_ = i.stdin.Close()
	defer i.kill()
	testproc.Poll(t, "its end", func() bool {
		select {
		case <-i.done:
			return true
		default:
			return false
		}
	})
	if got := i.cmd.ProcessState.String(); got != "exit status 3" || !strings.Contains(i.stderr.String(), "the parent has gone") {
		t.Errorf("it ended with %s, %q", got, i.stderr.String())
	}
}

func TestInstanceThatCanNotServe(t *testing.T) {
	for _, a := range []assignment{{Role: "nobody", Addr: "127.0.0.1:0"}, {Role: "killed", Addr: "nowhere"}} {
		if _, err := startInstance(t.Context(), a); err == nil || !strings.Contains(err.Error(), "rollout: instance:") {
			t.Errorf("%+v: got %v, want an error with what the instance said", a, err)
		}
	}
}
