// Package testproc starts the test binary as a victim: a real process that a test can signal, crash and wait for.
//
// A victim is a named function given to Main by the package's TestMain. A child process that Start made calls it in the
// place of the tests and exits 0 when it returns. Main fails the run when a victim was used by no test. Every process
// is bounded in time twice: Wait kills it at its limit, and it kills itself (on Linux) should the tests be gone by then.
// Nothing here is fit for anything but tests.
package testproc

import (
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// victimVariable tells a child which victim it is. It is taken out of the environment before the victim runs, so that a
// grandchild is none.
const victimVariable = "LASTLY_TESTPROC_VICTIM"

// Limit is how long a process may live before Wait kills it.
const Limit = 40 * time.Second

// Victims are functions by name. What each is given are the words that Start was given.
type Victims map[string]func(args []string)

// used are the victims that some test started. Start has no other way to tell Main.
var used struct {
	mu    sync.Mutex
	names map[string]bool
}

func use(names ...string) {
	used.mu.Lock()
	defer used.mu.Unlock()
	if used.names == nil {
		used.names = make(map[string]bool)
	}
	for _, name := range names {
		used.names[name] = true
	}
}

// Main is what TestMain calls, with all victims of the package: os.Exit(testproc.Main(m, victims)). In a child it becomes
// the victim. Else it runs the tests, and fails when the whole suite ran and passed without using some victim.
func Main(m interface{ Run() int }, victims ...Victims) int {
	all := make(Victims)
	for _, v := range victims {
		for name, f := range v {
			if all[name] != nil || f == nil {
				fmt.Fprintf(os.Stderr, "testproc: victim %q is registered twice, or nil\n", name)
				return 2
			}
			all[name] = f
		}
	}
	if name, ok := os.LookupEnv(victimVariable); ok {
		return become(name, all)
	}
	takeBackIgnored()
	keepToOneself()
	code := m.Run()
	if code != 0 || !wholeSuite() {
		return code
	}
	if unused := unusedOf(all); len(unused) > 0 {
		fmt.Fprintf(os.Stderr, "testproc: no test starts these victims; delete them, or start them: %q\n", unused)
		return 1
	}
	return 0
}

// takeBackIgnored makes sure that victims start with the default action of SIGINT and SIGHUP, also when the tests run under
// nohup or as a shell's background job: an ignored signal stays ignored in every child, a handled one does not.
func takeBackIgnored() {
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGHUP} {
		if signal.Ignored(sig) {
			signal.Notify(make(chan os.Signal, 1), sig) // nobody listens: here it is still ignored
		}
	}
}

// become runs the victim. Most never return.
func become(name string, all Victims) int {
	_ = os.Unsetenv(victimVariable)
	f := all[name]
	if f == nil {
		fmt.Fprintf(os.Stderr, "testproc: there is no victim %q\n", name)
		return 2
	}
	prepare()
	f(os.Args[1:])
	return 0
}

func unusedOf(all Victims) []string {
	used.mu.Lock()
	defer used.mu.Unlock()
	var unused []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !used.names[name] {
			unused = append(unused, name)
		}
	}
	return unused
}

// wholeSuite reports whether every test was asked for.
func wholeSuite() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list", "test.fuzz", "test.bench", "test.short"} {
		f := flag.Lookup(name)
		if f != nil && f.Value.String() != f.DefValue {
			return false
		}
	}
	return true
}

// Skip skips a test that can't start its victims here: they count as used.
func Skip(t testing.TB, reason string, victims ...string) {
	t.Helper()
	use(victims...)
	t.Skip(reason)
}

// Poll waits until ok returns true, and fails the test if that takes longer than Limit. It is the one place in tests
// that sleeps.
func Poll(t testing.TB, what string, ok func() bool) {
	t.Helper()
	if !poll(Limit, ok) {
		t.Fatalf("waited %v for: %s", Limit, what)
	}
}

func poll(limit time.Duration, ok func() bool) bool {
	for end := time.Now().Add(limit); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// Linger takes time, for a victim that has to be busy for a while and for a test that has to let a while pass. What a
// test asserts must not depend on that while being enough.
func Linger(d time.Duration) {
	poll(d, func() bool { return false })
}

// Say writes a line to the victim's stdout, for the test to wait for.
func Say(format string, args ...any) {
	_, _ = fmt.Fprintf(os.Stdout, format+"\n", args...)
}

// buffer collects what a process writes.
type buffer struct {
	mu   sync.Mutex
	text []byte
}

var _ io.Writer = (*buffer)(nil)

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text = append(b.text, p...)
	return len(p), nil
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.text)
}
