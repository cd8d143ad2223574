package web

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/tty"
)

const (
	// DefaultDrainDelay is how long a server goes on listening after a signal, when nothing else is said.
	DefaultDrainDelay = 5 * time.Second

	// DefaultDrain is how long a server may take to drain after the delay, when Options.Timeout is 0.
	DefaultDrain = 15 * time.Second

	// DefaultRetryAfter is what a rejected request is told when Options.RetryAfter is 0.
	DefaultRetryAfter = time.Second

	// EnvDrainDelay is the environment variable that sets the drain delay of every server whose Options don't: a
	// duration such as 5s, 0 for none.
	EnvDrainDelay = "LASTLY_DRAIN_DELAY"
)

// Options say how a server ends. The zero value is what most servers want.
type Options struct {
	// Name is what plans, reports and other hooks' Uses call the server. "" is "http ADDR" with the listener's address
	// ("grpc ADDR" for ServeGRPC, "http requests" for Middleware).
	Name string

	// Uses names the hooks of the same scope that requests need: the server ends before each of them. Empty means
	// everything registered earlier. The hook of a listener that resource.Listen made on the same scope, or on a named
	// child of it, is added; one of your own has to be named.
	Uses []string

	// DrainDelay is how long the server goes on listening after readiness has failed, counted from the beginning of the
	// closing, so that whoever sends requests hears of it and stops. 0 means what the environment variable
	// LASTLY_DRAIN_DELAY says; when that is not set, DefaultDrainDelay if a signal began the exit flow under lastly.Main
	// and neither stdin nor stdout is a terminal, and none else: neither a test nor a Ctrl-C waits. Negative means
	// none. When time is short the delay is cut, so that half of the time, or 5 s of it, is left to the drain.
	DrainDelay time.Duration

	// Timeout bounds the whole end of the server: what is left of the delay, and the drain. 0 means the delay plus
	// DefaultDrain: 20 s when the delay is the default one. The scope's Grace bounds it, too; its HookTimeout does not.
	// A negative one is an error.
	Timeout time.Duration

	// Reject answers requests that arrive after closing has begun, also during the delay, with 503 and Retry-After
	// instead of serving them. What Ready and Live made is still served where a http.ServeMux (or another router with
	// its Handler method) leads to it. Only for clients that try elsewhere; false serves them.
	Reject bool

	// RetryAfter is what the rejected are told, in whole seconds, rounded up. 0 means DefaultRetryAfter; negative leaves
	// the header out.
	RetryAfter time.Duration
}

// longest is as good as for ever, and leaves room to calculate.
const longest = 1 << 60

// settings are Options with the environment's part, checked.
type settings struct {
	Options
	delay    time.Duration // after a signal
	always   bool          // whatever began the end: somebody asked for it
	attended bool          // a person sits at a terminal
}

func (o Options) resolve() (settings, error) {
	set := settings{Options: o, delay: min(longest, max(0, o.DrainDelay)), always: o.DrainDelay != 0, attended: attended()}
	if o.Timeout < 0 {
		return set, fmt.Errorf("the Options' Timeout is negative (%v); 0 means the drain delay plus %v", o.Timeout, DefaultDrain)
	}
	if set.always {
		return set, nil
	}
	text := os.Getenv(EnvDrainDelay)
	if text == "" {
		set.delay = DefaultDrainDelay
		return set, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return set, fmt.Errorf("the environment variable %s is %s, which is no duration; write it as 5s, or 0 for no delay", EnvDrainDelay, strconv.Quote(text))
	}
	set.delay, set.always = min(longest, max(0, d)), true
	return set, nil
}

// timeout is the hook's.
func (set *settings) timeout() time.Duration {
	return min(longest, cmp.Or(set.Timeout, set.delay+DefaultDrain))
}

// delayFor is the delay of an end with the given cause.
func (set *settings) delayFor(cause error) time.Duration {
	var sig *lastly.SignalError
	if set.always || !set.attended && errors.As(cause, &sig) {
		return set.delay
	}
	return 0
}

// retryAfter is the header's value; "" when there is to be none.
func (o *Options) retryAfter() string {
	d := cmp.Or(o.RetryAfter, DefaultRetryAfter)
	if d < 0 {
		return ""
	}
	seconds := int64(d / time.Second)
	if d%time.Second > 0 {
		seconds++
	}
	return strconv.FormatInt(seconds, 10)
}

// attended reports whether stdin or stdout is a terminal.
func attended() bool { return tty.Is(os.Stdin) || tty.Is(os.Stdout) }
