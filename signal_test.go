//go:build unix

package lastly_test

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/testproc"
)

// TestPolicies is conformance 30, and 27 in part: how the process ends, for each policy and each way in which run ends.
func TestPolicies(t *testing.T) {
	t.Parallel()
	const dies, code = "signal", "128+n"
	policies := []lastly.ExitPolicy{lastly.ExitAuto, lastly.ExitBySignal, lastly.ExitWithCode, lastly.ExitZero}
	for _, c := range []struct {
		run  string
		want [4]string // by policy
	}{
		{"nil", [4]string{"exit 0", dies, code, "exit 0"}},
		{"its context's error", [4]string{dies, dies, code, "exit 0"}},
		{"wrapped", [4]string{dies, dies, code, "exit 0"}},
		{"the cause", [4]string{dies, dies, code, "exit 0"}},
		{"refused by the scope", [4]string{dies, dies, code, "exit 0"}},
		{"own error", [4]string{"exit 1", dies, code, "exit 1"}},
		{"exit error", [4]string{"exit 5", dies, code, "exit 5"}},
		{"nothing", [4]string{dies, dies, code, "exit 1"}}, // a run that did not return is no success
		{"by Exit", [4]string{"exit 5", dies, code, "exit 5"}},
		{"by Exit 0", [4]string{"exit 0", dies, code, "exit 0"}},
		{"hook fails", [4]string{"exit 1", dies, code, "exit 1"}},
		{"panics", [4]string{"exit 2", "exit 2", "exit 2", "exit 2"}},
	} {
		for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
			for i, policy := range policies {
				want := c.want[i]
				if sig == syscall.SIGINT && policy == lastly.ExitAuto && c.run != "panics" {
					want = dies
				}
				switch want {
				case dies:
					want = "signal " + sig.String()
				case code:
					want = fmt.Sprint("exit ", 128+int(sig))
				}
				t.Run(fmt.Sprintf("%s/%v/%d", c.run, sig, policy), func(t *testing.T) {
					t.Parallel()
					p := testproc.Start(t, "signal", fmt.Sprint(int(policy)), c.run)
					p.WaitLine("ready")
					p.Signal(sig)
					r := p.Wait()
					r.Check(t, want)
					r.CheckLines(t, "hook one")
				})
			}
		}
	}
}

// TestSignalKinds is conformance 27: the program really dies by each signal that it was told to end by, whether the
// signal comes from outside (a) or from itself (b).
func TestSignalKinds(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{
		syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGABRT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM, syscall.SIGTERM,
		syscall.SIGXCPU, syscall.SIGXFSZ, syscall.SIGVTALRM, syscall.SIGIO,
	} {
		for _, by := range []string{"outside", "itself"} {
			t.Run(fmt.Sprintf("%v/by %s", sig, by), func(t *testing.T) {
				t.Parallel()
				args := []string{strconv.Itoa(int(sig))}
				if by == "itself" {
					args = append(args, by)
				}
				p := testproc.Start(t, "signal-any", args...)
				if by == "outside" {
					p.WaitLine("ready")
					p.Signal(sig)
				}
				r := p.Wait()
				r.Check(t, "signal "+sig.String())
				r.CheckLines(t, "hook one")
			})
		}
	}
}

// TestSignalsThatKillNobody are signals whose own action is to stop the process, or nothing.
func TestSignalsThatKillNobody(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGCHLD, syscall.SIGCONT, syscall.SIGWINCH} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			p := testproc.Spec{Victim: "signal-any", Args: []string{strconv.Itoa(int(sig))}, Limit: 10 * time.Second}.Start(t)
			p.WaitLine("ready")
			p.Signal(sig)
			r := p.Wait()
			r.Check(t, fmt.Sprint("exit ", 128+int(sig)))
			r.CheckLines(t, "hook one")
		})
	}
}

// TestOwnSignals sees that a list of signals replaces the default one.
func TestOwnSignals(t *testing.T) {
	t.Parallel()
	p := testproc.Start(t, "signal-any", fmt.Sprintf("%d,%d", syscall.SIGUSR1, syscall.SIGUSR2))
	p.WaitLine("ready")
	p.Signal(syscall.SIGTERM)
	r := p.Wait()
	r.Check(t, "signal terminated")
	r.CheckNoLine(t, "hook one")
}

func TestBadSignals(t *testing.T) {
	nop := func(context.Context) error { return nil }
	for sig, want := range map[syscall.Signal]string{
		syscall.SIGKILL: "no program can catch", syscall.SIGSTOP: "no program can catch", syscall.SIGSEGV: "fault",
		syscall.SIGBUS: "fault", syscall.SIGFPE: "fault", syscall.SIGILL: "", syscall.SIGTRAP: "", syscall.SIGSYS: "", syscall.SIGPROF: "",
		syscall.SIGURG: "runtime",
	} {
		t.Run(sig.String(), func(t *testing.T) {
			checkRefused(t, lastly.Program{Signals: parseSignals(fmt.Sprint(int(sig)))}, nop, want)
		})
	}
}

// TestSignalCause is conformance 68.
func TestSignalCause(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		p := testproc.Start(t, "signal-cause")
		p.WaitLine("ready")
		p.Signal(sig)
		r := p.Wait()
		r.Check(t, "signal "+sig.String())
		r.CheckLines(t, "run: "+sig.String(), "report: "+sig.String(), "scope: "+sig.String(), fmt.Sprintf("at exit: %v, code %d", sig, 128+int(sig)))
	}
}

// TestKeyPress sees that one key press that arrives twice is one. The victim is tried again when the machine was too busy
// to deliver both within the 100 ms that count as one.
func TestKeyPress(t *testing.T) {
	t.Parallel()
	for range 10 {
		r := testproc.Start(t, "key-press").Wait()
		if r.Ended == "signal interrupt" {
			r.CheckLines(t, "hook")
			return
		}
		t.Logf("again: %v", r)
	}
	t.Error("the second of two signals at once made it exit")
}

// TestSecondSignal is conformance N2.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		first, second syscall.Signal
		wait          time.Duration
		ends          string
	}{
		{syscall.SIGINT, syscall.SIGINT, 150 * time.Millisecond, "exit 130"},
		{syscall.SIGTERM, syscall.SIGTERM, 150 * time.Millisecond, "exit 143"},
		{syscall.SIGINT, syscall.SIGTERM, 0, "exit 143"},
		{syscall.SIGTERM, syscall.SIGINT, 0, "exit 130"},
		{syscall.SIGTERM, syscall.SIGHUP, 0, "exit 129"},
	} {
		for _, child := range []bool{false, true} {
			t.Run(fmt.Sprint(c.first, " ", c.second, " ", child), func(t *testing.T) {
				t.Parallel()
				var args []string
				if child {
					args = []string{"child"}
				}
				p := testproc.Start(t, "hangs", args...)
				p.WaitLine("ready")
				p.Signal(c.first)
				p.WaitLine("hook hangs")
				testproc.Linger(c.wait)
				p.Signal(c.second)
				r := p.Wait()
				r.Check(t, c.ends)
				r.CheckErr(t, "lastly: received "+c.second.String())
			})
		}
	}
}

// TestSignalAndExit tries which of a signal and Exit comes first.
func TestSignalAndExit(t *testing.T) {
	t.Parallel()
	for range 10 { // either could be seen first by chance
		r := testproc.Spec{Victim: "exit-then-signal", Env: []string{"GOMAXPROCS=1"}}.Start(t).Wait()
		r.Check(t, "exit 3")
		if t.Failed() {
			break
		}
	}
	p := testproc.Start(t, "signal-then-exit")
	p.WaitLine("ready")
	p.Signal(syscall.SIGINT)
	p.Wait().Check(t, "signal interrupt")
}

// TestSignalLate sends a signal when the flow has begun: it is the first, so it cuts nothing short; what was decided
// stays, but for 0.
func TestSignalLate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		how  string
		sig  syscall.Signal
		ends string
	}{
		{"nil", syscall.SIGTERM, "exit 0"}, // run finished, so SIGTERM would mean 0 too
		{"nil", syscall.SIGINT, "signal interrupt"},
		{"error", syscall.SIGTERM, "exit 1"},
		{"error", syscall.SIGINT, "exit 1"},
		{"exit", syscall.SIGTERM, "exit 3"},
		{"exit", syscall.SIGINT, "exit 3"},
	} {
		t.Run(fmt.Sprint(c.how, " ", c.sig), func(t *testing.T) {
			t.Parallel()
			p := testproc.Start(t, "signal-late", c.how)
			p.WaitLine("ready")
			p.Signal(c.sig)
			r := p.Wait()
			r.Check(t, c.ends)
			r.CheckLines(t, "hook one")
		})
	}
}

// TestOwnHandler is conformance 69: a program with its own handler swallows signals, with and without Main.
func TestOwnHandler(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"alone", "under Main"} {
		p := testproc.Start(t, "swallow", how)
		for i := range 3 {
			p.WaitLine(fmt.Sprint("ready ", i))
			p.Signal(syscall.SIGTERM)
		}
		r := p.Wait()
		r.Check(t, "exit 0")
		if ran := r.Count("hook one") == 1; ran != (how == "under Main") {
			t.Errorf("%s: the hook ran: %v\n%v", how, ran, r)
		}
	}
}

// TestAfterRun is conformance 14 and 74: after Program.Run the handlers are gone, and the next signal does what it did.
func TestAfterRun(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		p := testproc.Start(t, "after-run")
		p.WaitLine("ready")
		p.Signal(syscall.SIGUSR1) // Go's own default: nothing
		p.Signal(sig)
		r := p.Wait()
		r.Check(t, "signal "+sig.String())
		if n := r.Count("code 143"); n != 3 {
			t.Errorf("Run returned 143 %d times, want 3\n%v", n, r)
		}
	}
}

// TestIgnoredAtStart starts programs as nohup and a shell's & do.
func TestIgnoredAtStart(t *testing.T) {
	t.Parallel()
	for name, wrap := range map[string][]string{
		"interrupt": {"sh", "-c", `trap "" INT; exec "$0" "$@"`},
		"hangup":    {"sh", "-c", `trap "" HUP; exec "$0" "$@"`},
		"nohup":     {"nohup"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := testproc.Spec{Victim: "signal", Args: []string{"0", "nil"}, Wrap: wrap}.Start(t)
			p.WaitLine("ready")
			sig := syscall.SIGHUP
			if name == "interrupt" {
				sig = syscall.SIGINT
			}
			p.Signal(sig)
			p.Signal(sig)
			testproc.Linger(50 * time.Millisecond)
			if strings.Contains(p.Output(), "hook one") || p.Gone() {
				t.Error("it did not stay ignored")
			}
			p.Signal(syscall.SIGTERM)
			p.Wait().Check(t, "exit 0")
		})
	}
}

// TestGroup sends Ctrl-C to a whole process group: the shell's script stops when its program dies by SIGINT, and only then.
func TestGroup(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		testproc.Skip(t, "bash is the shell that looks at how its program died: "+err.Error())
	}
	for policy, ends := range map[lastly.ExitPolicy]string{lastly.ExitAuto: "signal interrupt", lastly.ExitZero: "exit 0"} {
		p := testproc.Spec{
			Victim: "signal", Args: []string{fmt.Sprint(int(policy)), "nil"},
			Wrap: []string{bash, "-c", `"$0" "$@"; echo "the script goes on"`},
		}.Start(t)
		p.WaitLine("ready")
		p.SignalGroup(syscall.SIGINT)
		r := p.Wait()
		r.Check(t, ends)
		r.CheckLines(t, "hook one")
		if goesOn := r.Count("the script goes on") == 1; goesOn != (policy == lastly.ExitZero) {
			t.Errorf("policy %d: the script goes on: %v\n%v", policy, goesOn, r)
		}
	}
}
