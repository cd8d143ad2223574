package proc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly/internal/testproc"
)

// TestExitStatus: of processes that are not children of this one.
func TestExitStatus(t *testing.T) {
	t.Parallel()
	parent := talk(t, testproc.Spec{Victim: "parent"})
	scripts := map[string]syscall.WaitStatus{
		`kill -STOP $$; exit 3`:        3 << 8,
		`kill -STOP $$; exit 0`:        0,
		`kill -STOP $$; kill -KILL $$`: 9,
		`kill -STOP $$; kill -TERM $$`: 15,
	}
	held := make(map[string]*Process)
	for script := range scripts {
		parent.say("start " + script)
		p := hold(t, of(t, parent.child(t, len(held)+1)))
		held[script] = p
		testproc.Poll(t, "it to stop", func() bool {
			fields, err := readStat(fmt.Sprintf("/proc/%d", p.ID().Pid))
			return err == nil && fields[statState] == "T"
		})
		if _, ok := p.ExitStatus(); ok {
			t.Error("it lives and has a status")
		}
		if err := p.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		if err := p.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if status, ok := p.ExitStatus(); ok != (scripts[script] != 0) || ok && syscall.WaitStatus(status) != scripts[script] {
			t.Errorf("%s: a zombie has the status %#x, %v", script, status, ok)
		}
		checkGone(t, p, p.ID()) // a zombie
		if _, err := openPidWith(p.ID().Pid, false); !errors.Is(err, ErrGone) {
			t.Errorf("a zombie, without pidfds: %v", err)
		}
	}
	parent.say("wait")
	parent.WaitLine("waited")
	for script, want := range scripts {
		if status, ok := held[script].ExitStatus(); ok && syscall.WaitStatus(status) != want || !ok && linux(t, 6, 15) {
			t.Errorf("%s: status %#x, %v, want %#x", script, status, ok, want)
		}
	}
}

// linux reports whether the kernel is so new.
func linux(t *testing.T, major, minor int) bool {
	t.Helper()
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	var has, hasMinor int
	if _, scan := fmt.Sscanf(string(release), "%d.%d", &has, &hasMinor); err != nil || scan != nil {
		t.Fatal(err, scan)
	}
	return has > major || has == major && hasMinor >= minor
}

// TestWithoutPidfd: number and start time are all that is known.
func TestWithoutPidfd(t *testing.T) {
	t.Parallel()
	victim := testproc.Start(t, "hang")
	p, err := openPidWith(victim.Pid(), false)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	if id := of(t, victim.Pid()); id.Start != p.id.Start || p.id.Inode != 0 || (id.Inode != 0) != linux(t, 6, 9) {
		t.Errorf("%+v, with a pidfd %+v", p.id, id)
	}
	if s := p.id.State(HostID()); s != Alive {
		t.Errorf("state %v", s)
	}
	successor := &Process{id: p.id} // as if it had been held before the victim was there
	successor.id.Start--
	for _, err := range []error{successor.Signal(syscall.SIGKILL), successor.SignalGroup(syscall.SIGKILL)} {
		if !errors.Is(err, ErrGone) {
			t.Errorf("a successor: %v", err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*lookEvery)
	defer cancel()
	if err := p.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Wait: %v", err)
	}
	if err := p.SignalGroup(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := p.Wait(t.Context()); err != nil {
		t.Error(err)
	}
	victim.Wait().Check(t, "signal terminated")
	checkGone(t, p, p.id)
	if _, ok := p.ExitStatus(); ok || p.Fd() != -1 {
		t.Error("it has a status, or a pidfd")
	}
	q, err := openPidWith(os.Getpid(), false)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan error)
	go func() { got <- q.Wait(context.Background()) }() // ends when q is closed
	testproc.Linger(lookEvery)
	_ = q.Close()
	if err := <-got; !errors.Is(err, os.ErrClosed) {
		t.Errorf("Wait: %v", err)
	}
}

// TestSignalGroup: the group outlives its leader, and is reached through it.
func TestSignalGroup(t *testing.T) {
	t.Parallel()
	victim := testproc.Spec{Victim: "hang", Wrap: []string{"sh", "-c", `sleep 1000 >/dev/null 2>&1 & exec "$0" "$@"`}}.Start(t)
	victim.WaitLine("hangs")
	leader := hold(t, of(t, victim.Pid()))
	members := func() []int {
		found, err := Members(victim.Pid())
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	testproc.Poll(t, "two members", func() bool { return len(members()) == 2 })
	for _, pid := range members() {
		if pid == victim.Pid() {
			continue
		}
		if err := hold(t, of(t, pid)).SignalGroup(syscall.SIGKILL); !errors.Is(err, ErrGone) {
			t.Errorf("a member that does not lead: %v", err)
		}
	}
	victim.Signal(os.Kill)
	victim.Wait()
	if n := len(members()); n != 1 {
		t.Fatalf("%d members, want the child", n)
	}
	err := leader.SignalGroup(syscall.SIGKILL)
	if !linux(t, 6, 9) {
		_ = syscall.Kill(-victim.Pid(), syscall.SIGKILL)
		t.Skip("PIDFD_SIGNAL_PROCESS_GROUP is of Linux 6.9")
	}
	if err != nil {
		t.Error(err)
		_ = syscall.Kill(-victim.Pid(), syscall.SIGKILL) // a group with a member keeps its number
	}
	testproc.Poll(t, "the child to be killed", func() bool { return len(members()) == 0 })
	testproc.Poll(t, "the group to be gone", func() bool { return errors.Is(leader.SignalGroup(0), ErrGone) })
}

// TestImage: execve changes it, even of the same program, and nothing else does.
func TestImage(t *testing.T) {
	t.Parallel()
	if random, err := os.ReadFile("/proc/sys/kernel/randomize_va_space"); err != nil || strings.TrimSpace(string(random)) == "0" {
		testproc.Skip(t, "addresses are not random here", "image")
	}
	victim := talk(t, testproc.Spec{Victim: "image"})
	victim.WaitLine("runs")
	id, first := of(t, victim.Pid()), Image(victim.Pid())
	p := hold(t, id)
	if first == "" {
		t.Fatal("not readable")
	}
	for i := range 3 {
		victim.say("work")
		victim.WaitLine(fmt.Sprintf("worked %d, <nil>", i))
		if now := Image(victim.Pid()); now != first {
			t.Errorf("it worked: %s, before %s", now, first)
		}
	}
	seen := map[string]bool{first: true}
	for _, program := range []string{"itself", "itself", "cat"} {
		before := Image(victim.Pid())
		victim.say("exec " + program)
		testproc.Poll(t, "another image", func() bool {
			now := Image(victim.Pid())
			return now != "" && now != before
		})
		now := Image(victim.Pid())
		if seen[now] {
			t.Errorf("exec %s: %q after %v", program, now, seen)
		}
		seen[now] = true
	}
	if now := of(t, victim.Pid()); now != id || p.alive() != nil {
		t.Errorf("it executed: %+v, before %+v (%v)", now, id, p.alive())
	}
	_ = victim.in.Close()
	victim.Wait()
	if now := Image(victim.Pid()); now != "" {
		t.Errorf("it is gone: %s", now)
	}
	if self := Image(os.Getpid()); self == "" || self != Image(os.Getpid()) {
		t.Errorf("of the tests: %q", self)
	}
}

// TestHeadless: a process whose main thread has ended is shown as a zombie, but lives.
func TestHeadless(t *testing.T) {
	t.Parallel()
	victim := testproc.Start(t, "headless")
	testproc.Poll(t, "the main thread to end", func() bool {
		fields, err := readStat(fmt.Sprintf("/proc/%d", victim.Pid()))
		return err == nil && fields[statState] == "Z"
	})
	p := hold(t, of(t, victim.Pid()))
	blind, err := openPidWith(victim.Pid(), false)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = blind.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	for _, p := range []*Process{p, blind} {
		if err := p.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait: %v", err)
		}
	}
	if err := p.Signal(syscall.SIGKILL); err != nil {
		t.Error(err)
	}
	for _, p := range []*Process{p, blind} {
		if err := p.Wait(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// TestReuse: the number comes round, in a PID namespace of its own.
func TestReuse(t *testing.T) {
	t.Parallel()
	victim, err := testproc.Spec{Victim: "reuse", Attr: intoNamespace}.TryStart(t)
	if err != nil {
		testproc.Skip(t, fmt.Sprintf("needs a PID namespace, which only root can make: %v", err), "reuse")
	}
	result := victim.Wait()
	skipIfCant(t, result.Out)
	result.Check(t, "exit 0") // the namespace ends with its first process, and all others in it
	gone := ErrGone.Error()
	result.CheckLines(t,
		"process: <nil>, equal false, inode equal false",
		"held: true true",
		"blind: true true",
		"open: true, state gone, without inode gone",
		"second: alive",
		"thread: gone true, held "+gone+", blind "+gone+", state gone",
	)
}

// TestNamespaces: two PID namespaces that agree on the number, the start time and the boot.
func TestNamespaces(t *testing.T) {
	t.Parallel()
	var ids []ID
	var talkers []talker
	for _, mode := range []string{"mount", "mount", "another's proc"} {
		victim, err := tryTalk(t, testproc.Spec{Victim: "namespace", Args: []string{mode}, Attr: intoNamespace})
		if err != nil {
			testproc.Skip(t, fmt.Sprintf("needs a PID namespace, which only root can make: %v", err), "namespace")
		}
		var id ID
		testproc.Poll(t, "its ID", func() bool {
			skipIfCant(t, victim.Output())
			text, ok := strings.CutPrefix(victim.Output(), "self ")
			return ok && json.NewDecoder(strings.NewReader(text)).Decode(&id) == nil
		})
		if id.Pid != 1 || id.Boot != BootID() || id.Namespace == Namespace() || (id.Inode != 0) != linux(t, 6, 9) || id.Start == 0 {
			t.Errorf("%s: %+v", mode, id)
		}
		if outside := of(t, victim.Pid()); outside.Start != id.Start || outside.Inode != id.Inode {
			t.Errorf("%s: %+v, from outside %+v", mode, id, outside)
		}
		if s := id.State(HostID()); s != Unknown {
			t.Errorf("seen from outside: %v", s)
		}
		if _, err := Open(id); !errors.Is(err, ErrElsewhere) {
			t.Errorf("opened from outside: %v", err)
		}
		victim.say(jsonOf(t, id))
		victim.WaitLine("alive false")
		if want := "marked: " + errOtherProc.Error(); testproc.HasLine(victim.Output(), want) != (mode != "mount") {
			t.Errorf("%s: %s", mode, victim.Output())
		}
		ids, talkers = append(ids, id), append(talkers, victim)
	}
	twin := ids[0] // as if it had started in the same clock tick
	twin.Start = ids[1].Start
	talkers[1].say(jsonOf(t, twin))
	talkers[1].WaitLine("unknown true")
	twin.Namespace = ids[1].Namespace // the number of a namespace that has ended is used again
	talkers[1].say(jsonOf(t, twin))
	if !linux(t, 6, 9) {
		t.Skip("pidfds have inodes since Linux 6.9; the start time is all there is before")
	}
	talkers[1].WaitLine("gone false")
	talkers[1].say(jsonOf(t, of(t, os.Getpid())))
	talkers[1].say("end")
	result := talkers[1].Wait()
	result.CheckLines(t, "alive false", "unknown true", "gone false", "unknown true")
}

func jsonOf(t *testing.T, id ID) string {
	t.Helper()
	text, err := json.Marshal(id)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestHidden: what /proc does not show is known by the inode of its pidfd.
func TestHidden(t *testing.T) {
	t.Parallel()
	victim, err := testproc.Spec{Victim: "hidden", Attr: intoNamespace}.TryStart(t)
	if err != nil {
		testproc.Skip(t, fmt.Sprintf("needs a PID namespace, which only root can make: %v", err), "hidden")
	}
	result := victim.Wait()
	skipIfCant(t, result.Out)
	if !linux(t, 6, 9) {
		t.Skip("pidfds have inodes since Linux 6.9")
	}
	result.CheckLines(t, `hidden: <nil>, start false, inode true, state alive, image ""`, "without pidfds: "+errBlurred.Error())
}

// TestFiltered: where a filter refuses pidfds, number and start time do.
func TestFiltered(t *testing.T) {
	t.Parallel()
	result := testproc.Start(t, "filtered").Wait()
	skipIfCant(t, result.Out)
	result.CheckLines(t, "of: start true, inode 0, state alive, <nil>", "killed: <nil>, <nil>, state gone")
}

func BenchmarkOf(b *testing.B) {
	for b.Loop() {
		if _, err := Of(os.Getpid()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	id, err := Self()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		p, err := Open(id)
		if err != nil {
			b.Fatal(err)
		}
		_ = p.Close()
	}
}

func BenchmarkMarked(b *testing.B) {
	numbers, err := processes()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Marked(variable, "nobody has this"); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(numbers)), "ns/process")
}
