package action

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly/internal/proc"
	"github.com/lastly-go/lastly/internal/testproc"
)

func start(t *testing.T, spec testproc.Spec) *testproc.Proc {
	t.Helper()
	p := spec.Start(t)
	p.WaitLine("hangs")
	return p
}

func capture(t *testing.T, k Kill) Kill {
	t.Helper()
	captured, err := k.Capture()
	if err != nil {
		t.Fatal(err)
	}
	return captured
}

func TestKill(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		victim string
		grace  time.Duration
		ended  string
	}{
		{"hang", 0, "signal killed"},
		{"polite", 0, "signal killed"},
		{"polite", time.Minute, "exit 0"},
		{"hang", time.Minute, "signal terminated"},
		{"deaf", 50 * time.Millisecond, "signal killed"},
	} {
		for _, group := range []bool{false, true} {
			p := start(t, testproc.Spec{Victim: c.victim})
			k := capture(t, Kill{Pid: p.Pid(), Grace: c.grace, Group: group})
			for range 2 { // the second time there is nothing to do
				if err := k.Do(t.Context()); err != nil {
					t.Errorf("%s: %v", c.victim, err)
				}
			}
			p.Wait().Check(t, c.ended)
		}
	}
}

// TestAskedOnce: a second SIGTERM tells many programs to skip their cleanups.
func TestAskedOnce(t *testing.T) {
	t.Parallel()
	mark := NewMark()
	p := start(t, testproc.Spec{Victim: "counts", Env: WithMark(nil, mark)})
	k := capture(t, Kill{Pid: p.Pid(), Group: true, Mark: mark, Grace: time.Minute})
	if err := k.Do(t.Context()); err != nil {
		t.Error(err)
	}
	p.Wait().CheckLines(t, "asked 1 times")
}

// TestGraceIsCut: a grace that is longer than there is time ends in SIGKILL, too. Whether the process is gone in what is left
// of the time is the machine's business.
func TestGraceIsCut(t *testing.T) {
	t.Parallel()
	p := start(t, testproc.Spec{Victim: "deaf"})
	k := capture(t, Kill{Pid: p.Pid(), Grace: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := k.Do(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	p.Wait().Check(t, "signal killed")
}

// TestLeavingTime: what is waited for before SIGKILL leaves some time for that.
func TestLeavingTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ten, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		for _, c := range []struct {
			ctx         context.Context
			limit, want time.Duration
		}{
			{t.Context(), time.Hour, time.Hour},
			{ten, time.Hour, 9 * time.Second},
			{ten, time.Second, time.Second},
		} {
			ctx, cancel := leavingTime(c.ctx, c.limit)
			end, _ := ctx.Deadline()
			if cancel(); time.Until(end) != c.want {
				t.Errorf("%v becomes %v, want %v", c.limit, time.Until(end), c.want)
			}
		}
	})
}

func TestKillStopped(t *testing.T) {
	t.Parallel()
	p := start(t, testproc.Spec{Victim: "polite"})
	p.Signal(syscall.SIGSTOP)
	k := capture(t, Kill{Pid: p.Pid(), Grace: time.Minute})
	if err := k.Do(t.Context()); err != nil {
		t.Error(err)
	}
	p.Wait().Check(t, "exit 0")
}

// TestKillNobodyElse: whoever is not certainly the captured process lives on.
func TestKillNobodyElse(t *testing.T) {
	t.Parallel()
	p := start(t, testproc.Spec{Victim: "hang"})
	k := capture(t, Kill{Pid: p.Pid(), Group: true})
	for name, c := range map[string]struct {
		change func(*proc.ID)
		want   error
	}{
		"a successor":            {func(id *proc.ID) { id.Inode-- }, nil},
		"a successor, no pidfs":  {func(id *proc.ID) { id.Start, id.Inode = id.Start-1, 0 }, nil},
		"an earlier boot":        {func(id *proc.ID) { id.Boot = "another" }, nil},
		"of another namespace":   {func(id *proc.ID) { id.Namespace++ }, proc.ErrElsewhere},
		"of an unknown boot":     {func(id *proc.ID) { id.Boot = "" }, errAny},
		"of another number":      {func(id *proc.ID) { id.Pid++ }, errAny},
		"with too little known":  {func(id *proc.ID) { id.Inode, id.Start = 0, 0 }, errAny},
		"of no namespace at all": {func(id *proc.ID) { id.Namespace = 0 }, proc.ErrElsewhere},
	} {
		id := *k.Target
		c.change(&id)
		wrong := k
		wrong.Target = &id
		err := wrong.Do(t.Context())
		if c.want == errAny && err == nil || c.want != errAny && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if err := (Kill{Pid: p.Pid()}).Do(t.Context()); err == nil {
		t.Error("not captured, but done")
	}
	if p.Gone() {
		t.Error("it was killed")
	}
}

var errAny = errors.New("any error")

func TestRefusedKills(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		k    Kill
		want string
	}{
		{Kill{}, "no process"},
		{Kill{Pid: -5}, "no process number"},
		{Kill{Pid: 1}, "never killed"},
		{Kill{Pid: os.Getpid()}, "this process itself"},
		{Kill{Pid: os.Getppid()}, map[bool]string{false: "an ancestor", true: "never killed"}[os.Getppid() == 1]},
		{Kill{Pid: 1<<22 + 1}, "is gone"},
		{Kill{Mark: "abc"}, "a mark is"},
		{Kill{Mark: strings.Repeat("ab", markBytes-1)}, "a mark is"},
		{Kill{Mark: strings.Repeat("x", 2*markBytes)}, "a mark is"},
		{Kill{Pid: 5, Grace: -1}, "negative"},
	} {
		_, err := c.k.Capture()
		checkError(t, err, "kill: ", c.want)
	}
	p := testproc.Spec{Victim: "killer", Args: []string{"group"}, Wrap: []string{"sh", "-c", `"$0" "$@"; true`}}.Start(t)
	result := p.Wait()
	if !strings.Contains(result.Out, "an ancestor") && !strings.Contains(result.Out, "leads the process group") {
		t.Error(result)
	}
	leader := start(t, testproc.Spec{Victim: "hang"})
	p = testproc.Spec{Victim: "killer", Args: []string{"group"}, Attr: &syscall.SysProcAttr{Setpgid: true, Pgid: leader.Pid()}}.Start(t)
	if result := p.Wait(); !strings.Contains(result.Out, "leads the process group") {
		t.Error(result)
	}
	p = testproc.Spec{Victim: "killer", Args: []string{"group"}}.Start(t)
	if result := p.Wait(); !strings.Contains(result.Out, "this process itself") {
		t.Error(result)
	}
}

// TestKillTheGroup: also when the leader goes first.
func TestKillTheGroup(t *testing.T) {
	t.Parallel()
	for _, grace := range []time.Duration{0, 100 * time.Millisecond} {
		p := start(t, testproc.Spec{Victim: "hang", Wrap: []string{"sh", "-c", `(trap "" TERM; sleep 1000) & exec "$0" "$@"`}})
		members := func() []int {
			pids, err := proc.Members(p.Pid())
			if err != nil {
				t.Fatal(err)
			}
			return pids
		}
		testproc.Poll(t, "the group to have two members", func() bool { return len(members()) >= 2 })
		k := capture(t, Kill{Pid: p.Pid(), Group: true, Grace: grace})
		if err := k.Do(t.Context()); err != nil {
			t.Error(err)
		}
		if left := members(); len(left) > 0 {
			t.Errorf("grace %v: the group still has %v", grace, left)
		}
		p.Wait()
	}
}

// TestKillTheGroupOnAnOldKernel: the group can't be reached through its leader when that is gone, but each member is held.
func TestKillTheGroupOnAnOldKernel(t *testing.T) {
	t.Parallel()
	p := start(t, testproc.Spec{Victim: "hang", Wrap: []string{"sh", "-c", `(trap "" TERM; exec sleep 1000) & (trap "" TERM; exec sleep 1000) & exec "$0" "$@"`}})
	members := func() []int {
		pids, err := proc.Members(p.Pid())
		if err != nil {
			t.Fatal(err)
		}
		return pids
	}
	testproc.Poll(t, "the group to have three members", func() bool { return len(members()) == 3 })
	testproc.Start(t, "killer", "on an old kernel", fmt.Sprint(p.Pid())).Wait().CheckLines(t, "<nil>, of permission: false")
	if left := members(); len(left) > 0 {
		t.Errorf("the group still has %v", left)
		_ = syscall.Kill(-p.Pid(), syscall.SIGKILL) // a group with a member keeps its number
	}
	p.Wait()
}

// TestKillAlone: without Group and Mark nobody else is killed.
func TestKillAlone(t *testing.T) {
	t.Parallel()
	p := start(t, testproc.Spec{Victim: "hang", Wrap: []string{"sh", "-c", `sleep 1000 >/dev/null 2>&1 & exec "$0" "$@"`}})
	k := capture(t, Kill{Pid: p.Pid()})
	if err := k.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	if members, err := proc.Members(p.Pid()); len(members) != 1 || err != nil {
		t.Errorf("the group has %v, %v; want the child", members, err)
	}
	_ = syscall.Kill(-p.Pid(), syscall.SIGKILL) // a group with a member keeps its number
	p.Wait()
}

func marked(t *testing.T, mark string) []int {
	t.Helper()
	found, err := proc.Marked(MarkVariable, mark)
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, id := range found {
		pids = append(pids, id.Pid)
	}
	return pids
}

// TestKillMarked: what was double-forked into sessions of its own is found, the unmarked is not.
func TestKillMarked(t *testing.T) {
	t.Parallel()
	const tree = `
		for i in 1 2 3; do sleep 1000 & done
		setsid sh -c 'sleep 1000 & setsid sleep 1000 & exit' &
		(trap "" TERM HUP INT; sleep 1000) &
		sleep 1000 & kill -STOP $!
		echo hangs; wait`
	for _, grace := range []time.Duration{0, 50 * time.Millisecond} {
		mark := NewMark()
		env := WithMark(nil, mark)
		bystander := start(t, testproc.Spec{Victim: "hang", Env: WithMark(nil, NewMark())})
		p := start(t, testproc.Spec{Victim: "shell", Args: []string{tree}, Env: env})
		testproc.Poll(t, "nine marked processes", func() bool { return len(marked(t, mark)) >= 9 })
		k := capture(t, Kill{Mark: mark, Grace: grace})
		for range 2 {
			if err := k.Do(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if left := marked(t, mark); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
		p.Wait()
		if bystander.Gone() {
			t.Error("a bystander was killed")
		}
	}
}

// TestKillChain: a process that is never there when it is looked for: it starts its successor and exits.
func TestKillChain(t *testing.T) {
	t.Parallel()
	mark := NewMark()
	const link = `n=$1; [ $n -gt 0 ] && sh -c "$2" sh $((n-1)) "$2" & exit`
	p := start(t, testproc.Spec{Victim: "shell", Args: []string{`echo hangs; L='` + link + `'; exec sh -c "$L" sh 100000 "$L"`}, Env: WithMark(nil, mark)})
	k := capture(t, Kill{Pid: p.Pid(), Mark: mark})
	if err := k.Do(t.Context()); err != nil {
		t.Error(err)
	}
	if left := marked(t, mark); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	p.Wait().Check(t, "signal killed")
}

func TestMarksNest(t *testing.T) {
	t.Parallel()
	a, b := NewMark(), NewMark()
	env := WithMark(WithMark([]string{"A=b"}, a), b)
	if want := []string{"A=b", MarkVariable + "=" + a + ":" + b}; !slices.Equal(env, want) {
		t.Errorf("%q, want %q", env, want)
	}
	for _, mark := range []string{a, b} {
		p := start(t, testproc.Spec{Victim: "hang", Env: env[1:]})
		if err := capture(t, Kill{Mark: mark}).Do(t.Context()); err != nil {
			t.Error(err)
		}
		p.Wait().Check(t, "signal killed")
	}
}

// TestKillZombie: a process that nobody waits for is gone.
func TestKillZombie(t *testing.T) {
	t.Parallel()
	p := start(t, testproc.Spec{Victim: "shell", Args: []string{"echo hangs; exec sleep 1000"}})
	var pid int
	testproc.Poll(t, "the child's number", func() bool {
		for line := range strings.Lines(p.Output()) {
			_, _ = fmt.Sscanf(line, "started %d", &pid)
		}
		return pid != 0
	})
	k := capture(t, Kill{Pid: pid})
	for range 2 {
		if err := k.Do(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// TestKillHurried: a context that has ended is no reason to let it live.
func TestKillHurried(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, grace := range []time.Duration{0, time.Minute} {
		p := start(t, testproc.Spec{Victim: "deaf"})
		err := capture(t, Kill{Pid: p.Pid(), Grace: grace}).Do(ctx)
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		p.Wait().Check(t, "signal killed")
	}
}

func TestKillForbidden(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		testproc.Skip(t, "needs root, to be somebody else", "killer")
	}
	p := start(t, testproc.Spec{Victim: "hang"})
	killer := testproc.Start(t, "killer", "as nobody", fmt.Sprint(p.Pid()))
	if result := killer.Wait(); !strings.Contains(result.Out, "not permitted, of permission: true") {
		t.Error(result)
	}
	if p.Gone() {
		t.Error("it was killed")
	}
}

func TestKillString(t *testing.T) {
	t.Parallel()
	mark := strings.Repeat("0123456789abcdef", 2)
	for want, k := range map[string]Kill{
		"kill process 5": {Pid: 5},
		"kill process 5 and its process group, after SIGTERM and 1s": {Pid: 5, Group: true, Grace: time.Second},
		"kill every process marked 01234567...":                      {Mark: mark, Group: true},
		"kill process 5 and every process marked 01234567...":        {Pid: 5, Mark: mark},
	} {
		if got := k.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
