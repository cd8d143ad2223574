package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/lastly-go/lastly/internal/testproc"
)

const others = "tini -s, dumb-init, catatonit, timeout"

var treeChecks = []check{
	{name: "100 orphans are reaped: no zombie stays", run: reaps},
	{name: "the command exits: its children end", fails: "tini -s, catatonit, timeout", run: func(r *rig) {
		r.leavesNothing(`sleep 1000 & sleep 1000 &`)
	}},
	{name: "the command exits: a daemon of its own session ends", fails: others, run: func(r *rig) {
		r.leavesNothing(`setsid sleep 1000 & (setsid sh -c '(trap "" HUP TERM INT; sleep 1000) &' &)`)
	}},
	{name: "the command forks and exits", fails: "tini -s, catatonit, timeout", run: func(r *rig) {
		r.leavesNothing(`(sh -c 'sleep 1000; echo no' </dev/null >/dev/null 2>&1 &) ; exec 1>&- 2>&-`)
	}},
	{name: "a chain of forks, each process of which lives for a moment", fails: others, run: forkChain},
	{name: "SIGTERM to the tool: children of the command end", fails: "tini -s, catatonit", run: termToTree},
	{name: "SIGTERM to the tool: what has a session of its own ends", fails: others, run: termToSessions},
	{name: "SIGKILL to the tool: the command and its children end", fails: others, run: killed},
	{name: "SIGKILL to the tool while the command is stopped", fails: "dumb-init", run: killedWhileStopped},
	{name: "SIGKILL to the tool of a command that closes all its descriptors", fails: others, run: killedDescriptors},
}

// reaps makes orphans that end at once, and waits until none of them is there as a zombie.
func reaps(r *rig) {
	const program = `$| = 1; for (1..100) { if (!fork) { if (!fork) { select undef, undef, undef, 0.1; exit 0 } exit 0 } } 1 while wait > 0; print "ready\n"; sleep 1000`
	p := r.start(r.with("perl", "-e", program), nil)
	p.waitLine("ready")
	pgid := p.cmd.Process.Pid
	poll(r.t, "zombies to be reaped", func() bool { return zombies(pgid) == 0 })
	p.signal(syscall.SIGKILL)
	p.wait()
}

// zombies counts those of the process group and those in the care of the process, or of one of its children.
func zombies(tool int) (n int) {
	care := map[int]bool{tool: true}
	type one struct {
		pid, ppid, pgid int
		state           string
	}
	var all []one
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		var o one
		if _, err := fmt.Sscan(entry.Name(), &o.pid); err != nil {
			continue
		}
		stat, _ := os.ReadFile("/proc/" + entry.Name() + "/stat")
		_, rest, _ := strings.Cut(string(stat), ") ")
		if _, err := fmt.Sscan(rest, &o.state, &o.ppid, &o.pgid); err == nil {
			all = append(all, o)
		}
	}
	for _, o := range all {
		if o.ppid == tool {
			care[o.pid] = true
		}
	}
	for _, o := range all {
		if o.state == "Z" && (o.pgid == tool || care[o.ppid]) {
			n++
		}
	}
	return n
}

// leavesNothing runs a script as the command and wants no process to outlive the tool.
func (r *rig) leavesNothing(script string) {
	r.t.Helper()
	res := r.run("sh", "-c", script+"\nexit 4")
	if res.code != 4 {
		r.t.Errorf("%v, want 4", res)
	}
	r.nothingLeft()
}

// forkChain leaves a chain in which each process forks the next one and exits, so that what was found when one looked is gone. Each
// leaves its trace in a file.
func forkChain(r *rig) {
	const chain = `$end = time + 4; while (time < $end) { exit 0 if fork; setpgrp; open $f, ">>", "trace"; print $f "x"; close $f; select undef, undef, undef, 0.002 }`
	res := r.run("sh", "-c", `perl -e '`+chain+`' & until [ -s trace ]; do sleep 0.01; done; exit 4`)
	if res.code != 4 {
		r.t.Errorf("%v, want 4", res)
	}
	size := func() int64 {
		info, err := os.Stat(filepath.Join(r.dir, "trace"))
		if err != nil {
			r.t.Fatal(err)
		}
		return info.Size()
	}
	before := size()
	testproc.Linger(200 * time.Millisecond)
	if after := size(); after != before {
		r.t.Errorf("the chain goes on: %d, %d", before, after)
		poll(r.t, "the chain to end by itself", func() bool { // before its folder is removed
			before := size()
			testproc.Linger(500 * time.Millisecond)
			return size() == before
		})
	}
}

func termToTree(r *rig) {
	p := r.start(r.with("sh", "-c", `sleep 1000 & sleep 1000 & echo ready; wait`), nil)
	p.waitLine("ready")
	p.signal(syscall.SIGTERM)
	if res := p.wait(); res.code != 143 && res.code != 124 {
		r.t.Errorf("%v, want 143", res)
	}
	r.nothingLeft()
}

func termToSessions(r *rig) {
	p := r.start(r.with("sh", "-c", `setsid sleep 1000 & (setsid sleep 1000 &); sleep 0.1; echo ready; exec sleep 1000`), nil)
	p.waitLine("ready")
	p.signal(syscall.SIGTERM)
	p.wait()
	r.nothingLeft()
}

func killed(r *rig) {
	p := r.start(r.with("sh", "-c", `sleep 1000 & setsid sleep 1000 & echo ready; wait`), nil)
	p.waitLine("ready")
	p.signal(syscall.SIGKILL)
	if res := p.wait(); res.code != 137 {
		r.t.Errorf("%v, want 137", res)
	}
	r.goneSoon()
}

func killedWhileStopped(r *rig) {
	p := r.start(r.with("sh", "-c", `sleep 1000 & echo pid $$; kill -STOP $$; wait`), nil)
	pid := p.waitPid("pid ")
	poll(r.t, "the command to be stopped", func() bool { return state(pid) == "T" })
	p.signal(syscall.SIGKILL)
	p.wait()
	r.goneSoon()
}

func killedDescriptors(r *rig) {
	p := r.start(r.with("perl", "-e", `use POSIX; $| = 1; print "ready\n"; POSIX::close($_) for 0..1000; fork; sleep 1000`), nil)
	p.waitLine("ready")
	p.signal(syscall.SIGKILL)
	p.wait()
	r.goneSoon()
}

// goneSoon is nothingLeft for what ends after the tool has: how soon is not looked at, but a tool that does nothing of the kind shall
// not cost the tests a minute.
func (r *rig) goneSoon() {
	r.t.Helper()
	within(limit/2, 10*time.Millisecond, func() bool { return len(r.alive()) == 0 })
	r.nothingLeft()
}

// firstChecks are those of PID 1 in a PID namespace.
var firstChecks = []check{
	{name: "PID 1: statuses, and death by a signal", run: firstStatuses},
	{name: "PID 1: 100 orphans are reaped", run: firstReaps},
	{name: "PID 1: signals are forwarded", fails: "timeout", run: firstForwards},
	{name: "PID 1: signals that end nothing in the command end nothing", hangs: "timeout", run: firstSurvives},
	{name: "PID 1: on a terminal, in a group and session of outside", hangs: "tini -s, catatonit, timeout", run: firstTerminal},
}

// first returns the rig of the same tool as the first process of a PID namespace.
func (r *rig) first() *rig {
	r.t.Helper()
	ns := []string{"unshare", "--pid", "--fork", "--mount-proc", "--kill-child"}
	if os.Geteuid() != 0 {
		ns = append(ns, "--map-root-user")
	}
	if res := r.start(append(ns, "true"), nil).wait(); res.code != 0 {
		r.t.Skipf("no PID namespaces here: %v", res)
	}
	in := *r
	in.prefix = append(ns, r.prefix...)
	return &in
}

func firstStatuses(r *rig) {
	in := r.first()
	if res := in.sh(`for n in 0 1 77 255; do "$@" sh -c "exit $n"; [ $? = $n ] || echo no $n; done; for n in 9 15 11; do "$@" sh -c "ulimit -c 0; kill -$n \$\$"; [ $? = $((128+n)) ] || echo no $n; done; echo done`); res.out != "done\n" {
		r.t.Errorf("%v", res)
	}
}

func firstReaps(r *rig) {
	const program = `for (1..100) { if (!fork) { if (!fork) { select undef, undef, undef, 0.1; exit 0 } exit 0 } } 1 while wait > 0;
		for (1..2000) { $n = () = map { open(my $f, "<", $_) && <$f> =~ /\) Z 1 / ? 1 : () } glob "/proc/[0-9]*/stat"; exit 0 if !$n && $_ > 20; select undef, undef, undef, 0.01 }
		print "zombies: $n\n"; exit 1`
	if res := r.first().run("perl", "-e", program); res.code != 0 {
		r.t.Errorf("%v", res)
	}
}

// inside returns a shell's command that sends signals to PID 1 of the namespace it is in, from a process in the background.
func firstForwards(r *rig) {
	const script = `trap 'echo got USR1' USR1; trap 'echo got TERM; exit 5' TERM
		(kill -USR1 1; kill -TERM 1) & for i in $(seq 500); do sleep 0.02; done`
	res := r.first().run("sh", "-c", script)
	if res.code != 5 || !strings.Contains(res.out, "got USR1\n") {
		r.t.Errorf("%v, want 5 and USR1", res)
	}
}

// firstTerminal is what `docker run -t` and unshare(1) in a shell do: the group that has the terminal has the number 0.
func firstTerminal(r *rig) {
	s := r.first().shell()
	s.types("./t " + echoes + "\n")
	s.sees("ready")
	for i := range 3 {
		s.types("\x1a")
		s.prompt() // that is when unshare(1) has stopped
		poll(r.t, "the command to be stopped", func() bool { return r.hasStopped("sh\x00-c\x00echo ready") })
		s.types("fg\n")
		s.types(fmt.Sprintf("line %d\n", i))
		s.sees(fmt.Sprintf("got line %d\r\n", i))
	}
	s.types("\x04")
	s.prompt()
	s.types("echo then $?\n")
	s.sees("then 3")
	s.prompt()
	s.types("./t sh -c 'echo wait''s; exec sleep 1000'\n")
	s.sees("waits")
	s.types("\x03")
	s.prompt()
	s.leave()
	r.nothingLeft()
}

// hasStopped reports whether a process with this beginning of a command line is stopped.
func (r *rig) hasStopped(command string) bool {
	for _, pid := range r.alive() {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if strings.HasPrefix(string(line), command) && state(pid) == "T" {
			return true
		}
	}
	return false
}

// firstSurvives sends PID 1 what is ignored by default, and what the command ignores.
func firstSurvives(r *rig) {
	const script = `trap '' HUP INT USR1 USR2 ALRM QUIT; kill -WINCH 1; kill -URG 1; kill -CHLD 1; kill -CONT 1; kill -HUP 1; kill -USR1 1; kill -QUIT 1; kill -PIPE 1
		sleep 0.1; kill -0 1 && exit 5`
	if res := r.first().run("sh", "-c", "trap '' PIPE; "+script); res.code != 5 {
		r.t.Errorf("%v, want 5", res)
	}
}
