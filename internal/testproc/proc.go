package testproc

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A Spec says how to start a victim.
type Spec struct {
	Victim string   // its name
	Args   []string // for the victim
	Wrap   []string // a command that executes what follows it, such as a shell's exec; the victim itself when empty
	Env    []string // added to the environment

	Stdin          *os.File
	Stdout, Stderr *os.File             // collected when nil; the caller closes its own
	Attr           *syscall.SysProcAttr // nil is a process group of its own

	Limit time.Duration // how long it may live; 0 is the constant Limit
}

// A Proc is a running victim.
type Proc struct {
	t        testing.TB
	cmd      *exec.Cmd
	name     string
	out, err buffer
	limit    time.Duration
	ends     time.Time     // when Wait's patience is over
	done     chan struct{} // closed when it is gone and its output is read
	waitErr  error         // readable when done is closed
}

// Start starts a victim with the given words. The test fails at once if that is impossible.
func Start(t testing.TB, victim string, args ...string) *Proc {
	t.Helper()
	return Spec{Victim: victim, Args: args}.Start(t)
}

// Start is the function Start for a victim that needs more.
func (s Spec) Start(t testing.TB) *Proc {
	t.Helper()
	p, err := s.TryStart(t)
	if err != nil {
		t.Fatalf("start victim %q: %v", s.Victim, err)
	}
	return p
}

// TryStart is Start for what may not be permitted.
func (s Spec) TryStart(t testing.TB) (*Proc, error) {
	t.Helper()
	use(s.Victim)
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	argv := append(append(s.Wrap[:len(s.Wrap):len(s.Wrap)], self), s.Args...)
	p := &Proc{t: t, name: s.Victim, done: make(chan struct{}), limit: s.Limit}
	if p.limit == 0 {
		p.limit = Limit
	}
	p.ends = time.Now().Add(p.limit)
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.Dir = t.TempDir()
	p.cmd.Env = append(environ(), append(s.Env, victimVariable+"="+s.Victim)...)
	p.cmd.SysProcAttr = s.Attr
	if s.Attr == nil {
		p.cmd.SysProcAttr = ownGroup()
	}
	p.cmd.WaitDelay = 5 * time.Second // for output that a grandchild holds open
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.err
	if s.Stdin != nil {
		p.cmd.Stdin = s.Stdin
	}
	if s.Stdout != nil {
		p.cmd.Stdout = s.Stdout
	}
	if s.Stderr != nil {
		p.cmd.Stderr = s.Stderr
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	t.Cleanup(p.end)
	go func() { // ends with the process, or WaitDelay later
		p.waitErr = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// environ is the environment without what would make a victim behave otherwise than the next one.
func environ() []string {
	var env []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		switch name {
		case victimVariable, "GORACE", "GOTRACEBACK", "GODEBUG":
		default:
			env = append(env, v)
		}
	}
	return append(env, "GORACE=atexit_sleep_ms=0")
}

// end makes sure that nothing is left when the test is over.
func (p *Proc) end() {
	if !p.Gone() {
		killAll(p.cmd)
	}
	<-p.done
}

// Pid is the number of the process that was started: the victim's, or that of what wraps it.
func (p *Proc) Pid() int { return p.cmd.Process.Pid }

// Gone reports whether the process has ended.
func (p *Proc) Gone() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Output is what the process has written to stdout so far.
func (p *Proc) Output() string { return p.out.String() }

// Errors is what it has written to stderr so far.
func (p *Proc) Errors() string { return p.err.String() }

// WaitLine waits until the victim has written the line to stdout, and fails the test if it ends before.
func (p *Proc) WaitLine(line string) {
	p.t.Helper()
	found := false
	inTime := poll(p.limit, func() bool {
		gone := p.Gone()
		found = HasLine(p.Output(), line)
		return found || gone
	})
	if !found {
		p.t.Fatalf("victim %q: no line %q (gone: %v)\n%s", p.name, line, inTime, p.transcript())
	}
}

// Signal sends a signal to the process. It is no error if the process is gone.
func (p *Proc) Signal(sig os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Fatalf("victim %q: send %v: %v", p.name, sig, err)
	}
}

// Wait waits until the process has ended. If it lives longer than its limit, it is made to show its goroutines, is killed,
// and the test fails.
func (p *Proc) Wait() Result {
	p.t.Helper()
	timer := time.NewTimer(time.Until(p.ends))
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		askForStacks(p.cmd.Process)
		poll(2*time.Second, p.Gone)
		p.end()
		p.t.Fatalf("victim %q lived longer than %v and was killed\n%s", p.name, p.limit, p.transcript())
	}
	var exit *exec.ExitError
	if p.waitErr != nil && !errors.As(p.waitErr, &exit) && !errors.Is(p.waitErr, exec.ErrWaitDelay) {
		p.t.Fatalf("victim %q: %v", p.name, p.waitErr)
	}
	return Result{Out: p.Output(), Err: p.Errors(), Ended: ended(p.cmd.ProcessState), name: p.name}
}

func (p *Proc) transcript() string {
	return transcript(p.Output(), p.Errors())
}

// transcript shows what a process wrote: the beginning, when it is much.
func transcript(out, err string) string {
	const most = 4000
	return fmt.Sprintf("--- stdout\n%.*s\n--- stderr\n%.*s", most, out, most, err)
}

// A Result is what is left of a process.
type Result struct {
	Out, Err string // what was collected of stdout and stderr
	Ended    string // "exit 0", or "signal interrupt" when it died by one
	name     string
}

// Check fails the test if the process ended otherwise.
func (r Result) Check(t testing.TB, ended string) {
	t.Helper()
	if r.Ended != ended {
		t.Errorf("victim %q ended with %q, want %q\n%v", r.name, r.Ended, ended, r)
	}
}

// CheckLines fails the test if the victim did not write these lines to stdout, in this order.
func (r Result) CheckLines(t testing.TB, lines ...string) {
	t.Helper()
	rest := strings.Split(r.Out, "\n")
	for _, want := range lines {
		i := 0
		for i < len(rest) && rest[i] != want {
			i++
		}
		if i == len(rest) {
			t.Errorf("victim %q did not write the line %q (of %q, in this order)\n%v", r.name, want, lines, r)
			return
		}
		rest = rest[i+1:]
	}
}

// CheckNoLine fails the test if the victim wrote the line to stdout.
func (r Result) CheckNoLine(t testing.TB, line string) {
	t.Helper()
	if HasLine(r.Out, line) {
		t.Errorf("victim %q wrote the line %q\n%v", r.name, line, r)
	}
}

// CheckErr fails the test if stderr does not contain each of the texts.
func (r Result) CheckErr(t testing.TB, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(r.Err, text) {
			t.Errorf("victim %q: stderr lacks %q\n%v", r.name, text, r)
		}
	}
}

// Count is how often the victim wrote the line to stdout.
func (r Result) Count(line string) int {
	n := 0
	for l := range strings.SplitSeq(r.Out, "\n") {
		if l == line {
			n++
		}
	}
	return n
}

func (r Result) String() string {
	return "ended: " + r.Ended + "\n" + transcript(r.Out, r.Err)
}

// HasLine reports whether a whole line of the text is the given one.
func HasLine(text, line string) bool {
	return strings.HasPrefix(text, line+"\n") || strings.Contains(text, "\n"+line+"\n")
}

// ended puts a wait status in words.
func ended(s *os.ProcessState) string {
	if s == nil {
		return "unknown"
	}
	if sig, ok := deathSignal(s); ok {
		return "signal " + sig
	}
	return fmt.Sprintf("exit %d", s.ExitCode())
}
