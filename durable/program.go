package durable

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/lastly-go/lastly/internal/proc"
)

// program is the path of the main module: what names a program over upgrades, copies and `go run`, as no path of an
// executable does. "" if it was built outside of a module.
var program = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	switch {
	case !ok:
		return ""
	case info.Main.Path != "":
		return info.Main.Path
	case info.Path == "command-line-arguments": // go run x.go outside of a module
		return ""
	}
	return info.Path
})

// isProgram reports whether the process's image is this Go program, and not another one that loaded it as a library.
var isProgram = sync.OnceValue(func() bool {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return false
	}
	for _, s := range info.Settings {
		if s.Key == "-buildmode" {
			return s.Value == "exe" || s.Value == "pie"
		}
	}
	return true
})

// qualify makes the name of a Go kind the program's.
func qualify(name string) string { return program() + ":" + name }

// isGo tells Go kinds from built-in ones.
func isGo(kind string) bool { return strings.Contains(kind, ":") }

func check(call, name string, noSettle bool) {
	switch {
	case name == "" || strings.Contains(name, ":"):
		panic(fmt.Sprintf("lastly: durable.%s: %q is no name of a kind; it must not be empty nor contain ':'", call, name))
	case noSettle:
		panic(fmt.Sprintf("lastly: durable.%s: kind %q has no settle function", call, name))
	}
}

// started is set when Main or Init was called: from then on, a guard of this program would get that far too.
var started atomic.Bool

// inTest reports whether its caller is a test. A guard of a test binary gets as far as TestMain: to come to a call behind
// that, it would have to run the tests a second time.
func inTest() bool {
	pcs := make([]uintptr, 100)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	for {
		frame, more := frames.Next()
		switch {
		case strings.HasPrefix(frame.Function, "testing.") && !strings.Contains(frame.Function, "/"):
			return true
		case frame.Function == "runtime.main":
			return false
		case !more: // another goroutine
			return isTest()
		}
	}
}

// isTest reports whether the program is a test binary.
func isTest() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && strings.HasSuffix(info.Path, ".test")
}

func readyForGo(kind string) error {
	switch {
	case program() == "":
		return fmt.Errorf("lastly: kind %q: %w: it was built outside of a module, so a kind of its own can't be told from another program's; make a module (go mod init)",
			kind, ErrNoName)
	case started.Load():
		return nil
	case isTest():
		return fmt.Errorf("lastly: kind %q: %w in TestMain, so no other process could settle it without running the tests; call durable.Init() first there",
			kind, ErrNotReady)
	}
	return fmt.Errorf("lastly: kind %q: %w, so no other process could settle it; call durable.Init() first in main (in TestMain, for tests), or use lastly.Main",
		kind, ErrNotReady)
}

// isSecure is read at once: after a change of the user, the kernel does not tell any more.
var isSecure = proc.Secure()

// secure tells whether the program was started with rights that its caller has not.
func secure() bool { return isSecure }

// sites caches the texts of places of registration, which take longer to find than a record to write.
var sites sync.Map

func siteOf(pc uintptr) string {
	if text, ok := sites.Load(pc); ok {
		return text.(string)
	}
	frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	text := frame.File + ":" + strconv.Itoa(frame.Line)
	sites.Store(pc, text)
	return text
}
