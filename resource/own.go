package resource

import (
	"context"
	"fmt"
	"os/exec"
	"reflect"
	"runtime"
	"strconv"
	"strings"

	"github.com/lastly-go/lastly"
)

// Own registers the end of anything that has one: servers, clients, pools, exporters, of whatever library. It looks for
// methods and needs no import. The first of these that x has is the one that is called:
//
//	GracefulStop and Stop   GracefulStop; Stop as well when that is not done at the deadline       gRPC's server
//	Shutdown                Shutdown; Close as well, if there is one, when that is not done then    http.Server, OpenTelemetry
//	Drain                   the same with Drain, and Close or else Stop                             NATS
//	Close                   Close; before it a Flush that takes a context or a duration             sql.DB, pgx, redis, files
//	Stop                    Stop                                                                    cron, tickers
//	Flush                   Flush                                                                   bufio.Writer, sentry
//	Sync                    Sync                                                                    zap
//
// Each may take a context, and return an error; Sync returns one and takes none. Shutdown, Drain, Close and Stop may
// return a channel (<-chan struct{}) or a context instead, whose end is awaited. ShutdownWithContext counts as Shutdown,
// and goes before one without a context. Flush may take a duration, and return whether everything was sent. A method of
// one of these names but of another shape counts as not there; [lastly.HookReport].Note shows what was chosen.
//
// The hook is over when x is. A method that returns before that is followed to the end: after Drain until IsClosed() is
// true or IsValid() false, and after Drain, Stop, Shutdown or Close without a context until the channel of Closed() is
// closed, where x has one of these methods. What LastError() tells of a Drain is its error. Where nothing tells of the
// end, the return of the method is taken for it.
//
// The deadline is that of the hook: the scope's HookTimeout, 10 s by default. What is forced then is reported as timed
// out, not as success. A method without a context that hangs is abandoned by the scope. To close what is closed
// already is no failure, if the error is package os's or net's. Sync of a terminal or a pipe, which can't be synced, is
// none either.
//
// uses is Hook.Uses: without any, x is taken to use everything registered before it; lastly.Nothing... is none. name ""
// is the place of the call. Log and telemetry that must outlive everything else go on a child that is last:
//
//	log := scope.Child(lastly.Hook{Name: "log", Last: true})
//	resource.Own(log, "traces", provider)
//
// Own panics if x is nil, a nil pointer, or has none of these methods; lastly.DeferIn registers any function. It may be
// called from a hook. On a closed scope x is ended at once.
func Own(s *lastly.Scope, name string, x any, uses ...string) *lastly.Handle {
	site := callerSite()
	if isNil(x) {
		panic(fmt.Sprintf("lastly: Own %q at %s: it is nil (%T); call Own when it was made, and without an error", name, siteOf(site), x))
	}
	e := endOf(x)
	if e.run == nil {
		panic(fmt.Sprintf("lastly: Own %q at %s: %s", name, siteOf(site), refusal(x)))
	}
	return register(s, lastly.Hook{Name: name, Run: e.run, Uses: uses, Note: func() string { return e.note }}, site)
}

// An end is how something is ended.
type end struct {
	run  func(context.Context) error // nil: not at all
	note string                      // for reports
}

// endOf is the rule of Own.
func endOf(x any) end {
	if graceful := gracefulStopOf(x); graceful != nil {
		if stop := stopNow(x); stop != nil {
			return end{forced(graceful, stop), "GracefulStop, at the deadline Stop"}
		}
	}
	if e := shutdownOf(x); e.run != nil {
		return e.then("Close", closeNow(x)).unlessGone()
	}
	if e := drainOf(x); e.run != nil {
		if blunt := closeNow(x); blunt != nil {
			return e.then("Close", blunt)
		}
		return e.then("Stop", stopNow(x))
	}
	if e := closeOf(x); e.run != nil {
		return e.after(boundedFlushOf(x)).unlessGone()
	}
	for _, look := range []func(any) end{stopOf, flushOf, syncOf} {
		if e := look(x); e.run != nil {
			return e
		}
	}
	return end{}
}

// isNil also sees pointers, functions and channels that are nil inside of an interface. A nil slice or map may well have
// methods that work.
func isNil(x any) bool {
	switch v := reflect.ValueOf(x); v.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Func, reflect.Chan:
		return v.IsNil()
	default:
		return false
	}
}

// refusal says why Own can't end x, and what would help.
func refusal(x any) string {
	text := fmt.Sprintf("%T has no method that ends it; looked for GracefulStop with Stop, Shutdown, Drain, Close, Stop, Flush, Sync", x)
	if near := nearMisses(reflect.ValueOf(x)); len(near) > 0 {
		text += "; it has " + strings.Join(near, ", ") + ", which Own can't call"
	}
	v := reflect.ValueOf(x)
	switch _, isCommand := x.(*exec.Cmd); {
	case isCommand:
		return text + "; start it with resource.Start"
	case v.Kind() == reflect.Func:
		return text + "; register a function with lastly.DeferIn"
	case v.Kind() != reflect.Pointer && endOf(reflect.New(v.Type()).Interface()).run != nil:
		return text + fmt.Sprintf("; *%T has one: pass a pointer", x)
	}
	return text + "; register what ends it with lastly.DeferIn"
}

// nearMisses are the methods of the right name. Each name is a constant: with a variable one, the linker would have to
// keep every exported method of every type in the program.
func nearMisses(v reflect.Value) (found []string) {
	for _, m := range []struct {
		name string
		f    reflect.Value
	}{
		{"GracefulStop", v.MethodByName("GracefulStop")},
		{"Shutdown", v.MethodByName("Shutdown")},
		{"Drain", v.MethodByName("Drain")},
		{"Close", v.MethodByName("Close")},
		{"Stop", v.MethodByName("Stop")},
		{"Flush", v.MethodByName("Flush")},
		{"Sync", v.MethodByName("Sync")},
	} {
		if m.f.IsValid() {
			found = append(found, m.name+strings.TrimPrefix(m.f.Type().String(), "func"))
		}
	}
	return found
}

func siteOf(pc uintptr) string {
	frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	return frame.File + ":" + strconv.Itoa(frame.Line)
}
