package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// roleVariable tells a process that it is an instance. Its value is an assignment, as JSON.
const roleVariable = "LASTLY_ROLLOUT_ROLE"

// An assignment is what an instance has to do.
type assignment struct {
	Role   string        `json:"role"`
	Addr   string        `json:"addr"`   // where to listen
	Shared bool          `json:"shared"` // with SO_REUSEPORT
	Most   int           `json:"most"`   // connections at a time; 0: any number
	Delay  time.Duration `json:"delay"`  // the drain delay, in a role that has one
}

// A role serves until it is told to end, and has said where with announce.
type role func(ln net.Listener, delay time.Duration) error

// roles are the ways to end.
func roles() map[string]role {
	return map[string]role{
		"killed":   killed,
		"shutdown": func(ln net.Listener, _ time.Duration) error { return byHand(ln, 0) },
		"delayed":  byHand,
		"lastly":   withLastly,
	}
}

// serve is an instance's main. It returns the exit code.
func serve(text string) int {
	var a assignment
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		return misplaced(fmt.Errorf("%s: %w", roleVariable, err))
	}
	as := roles()[a.Role]
	if as == nil {
		return misplaced(fmt.Errorf("no role %q", a.Role))
	}
	_ = os.Unsetenv(roleVariable)
	go endWithParent()
	ln, err := listen(a.Addr, a.Shared)
	if err != nil {
		return misplaced(err)
	}
	if err := as(limit(ln, a.Most), a.Delay); err != nil {
		return misplaced(err)
	}
	return 0
}

func misplaced(err error) int {
	fmt.Fprintln(os.Stderr, "rollout: instance:", err)
	return 3
}

// endWithParent ends the process when its parent has ended without ending it: a pipe that the parent holds is its stdin.
func endWithParent() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(misplaced(errors.New("the parent has gone")))
}

func listen(addr string, shared bool) (net.Listener, error) {
	var c net.ListenConfig
	if shared {
		c.Control = sharePort
	}
	return c.Listen(context.Background(), "tcp", addr)
}

// announce tells the parent where the instance listens, on a line of its own.
func announce(ln net.Listener) { fmt.Println(ln.Addr()) }

// killed does nothing about signals: SIGTERM ends the process in the middle of what it does, as os.Exit would.
func killed(ln net.Listener, _ time.Duration) error {
	announce(ln)
	return http.Serve(ln, service(alwaysReady()))
}

func alwaysReady() http.Handler { return http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}) }

// byHandLimit bounds Shutdown; Kubernetes would kill after 30 s.
const byHandLimit = 25 * time.Second

// byHand is what a careful program does with net/http alone: when it is told, it is not ready any more, goes on serving for the
// delay, and then lets Shutdown finish before it ends.
func byHand(ln net.Listener, delay time.Duration) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	ready := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if ctx.Err() != nil {
			http.Error(w, "going", http.StatusServiceUnavailable)
		}
	})
	server := &http.Server{Handler: service(ready)}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(ln) }() // ends with Shutdown, or on its own
	announce(ln)
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}

	timer := time.NewTimer(delay)
	defer timer.Stop()
	<-timer.C
	limited, cancel := context.WithTimeout(context.Background(), byHandLimit)
	defer cancel()
	return server.Shutdown(limited)
}
