package cli

import (
	"strconv"
	"strings"
	"syscall"
)

var signalChecks = []check{
	{name: "signals are forwarded: HUP INT QUIT USR1 USR2 ALRM TERM ...", fails: "timeout", run: func(r *rig) {
		r.forwards(syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM, syscall.SIGVTALRM,
			syscall.SIGWINCH, syscall.SIGIO, syscall.SIGPWR, syscall.SIGXCPU, syscall.SIGXFSZ, syscall.SIGPIPE, syscall.SIGTERM)
	}},
	{name: "signals of faults, sent by somebody: ABRT SEGV BUS FPE ...", fails: "tini -s, catatonit, timeout", run: func(r *rig) {
		r.forwards(syscall.SIGABRT, syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGTRAP, syscall.SIGSYS, syscall.SIGSTKFLT)
	}},
	{name: "real-time signals", fails: "timeout", run: func(r *rig) {
		r.forwards(35, 40, 50, 63, 64)
	}},
	{name: "SIGTERM, and the command ends as it likes", hangs: "timeout", run: endsAsItLikes},
	{name: "death by the signal that was forwarded", fails: "timeout", run: diesOfIt},
	{name: "a signal reaches the command once, also as leader of its group", fails: "timeout", run: once},
	{name: "a signal sent to its group reaches the command", hangs: "timeout", run: toGroup},
}

// forwards sends the signals in turn to the tool, and wants the command to get each.
func (r *rig) forwards(signals ...syscall.Signal) {
	r.t.Helper()
	var list []string
	for _, sig := range signals {
		list = append(list, strconv.Itoa(int(sig)))
	}
	const program = `use POSIX; $| = 1; %n = map { $_ => 1 } @ARGV;
		sub got { for (@got) { print "got $_\n" } @got = (); }
		for my $n (@ARGV) { POSIX::sigaction($n, POSIX::SigAction->new(sub { push @got, $n }, POSIX::SigSet->new, 0)); }
		print "ready\n"; while (1) { select undef, undef, undef, 0.02; got(); }`
	p := r.start(r.with(append([]string{"perl", "-e", program}, list...)...), nil)
	p.waitLine("ready")
	for _, sig := range signals {
		p.signal(sig)
		p.waitLine("got " + strconv.Itoa(int(sig)))
	}
	p.signal(syscall.SIGKILL)
	p.wait()
}

func endsAsItLikes(r *rig) {
	p := r.start(r.with("sh", "-c", `trap 'echo ends; exit 3' TERM; echo ready; while :; do sleep 0.01; done`), nil)
	p.waitLine("ready")
	p.signal(syscall.SIGTERM)
	if res := p.wait(); res.code != 3 || res.out != "ready\nends\n" {
		r.t.Errorf("%v, want 3", res)
	}
}

func diesOfIt(r *rig) {
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1} {
		p := r.start(r.with("sh", "-c", "ulimit -c 0; echo ready; exec sleep 1000"), nil)
		p.waitLine("ready")
		p.signal(sig)
		if res := p.wait(); res.code != 128+int(sig) {
			r.t.Errorf("%v: %v, want %d", sig, res, 128+int(sig))
		}
	}
	r.nothingLeft()
}

// counts prints how many signals it got of each kind, a while after the last one.
const counts = `$| = 1; my %n; $SIG{$_} = sub { $n{$_[0]}++; $last = 10 } for qw(HUP INT USR1); print "ready\n";
	while (1) { select undef, undef, undef, 0.02; if ($last && !--$last) { print join(" ", "counted", map { "$_ $n{$_}" } sort keys %n), "\n"; %n = (); } }`

func once(r *rig) {
	p := r.start(r.with("perl", "-e", counts), nil)
	p.waitLine("ready")
	p.signal(syscall.SIGUSR1)
	if got := p.waitLine("counted "); got != "USR1 1" {
		r.t.Errorf("SIGUSR1, sent once, arrives as %s", got)
	}
	p.signal(syscall.SIGKILL)
	p.wait()
}

// toGroup does not say how often: a tool and a command in one group both get it, and the tool can't tell it from one of its own.
func toGroup(r *rig) {
	p := r.start(r.with("perl", "-e", counts), nil)
	p.waitLine("ready")
	if err := syscall.Kill(-p.cmd.Process.Pid, syscall.SIGHUP); err != nil {
		r.t.Fatal(err)
	}
	if got := p.waitLine("counted "); !strings.HasPrefix(got, "HUP ") {
		r.t.Errorf("SIGHUP to the group arrives as %s", got)
	}
	p.signal(syscall.SIGKILL)
	p.wait()
}

var stopChecks = []check{
	{name: "a command that stops itself goes on by SIGCONT to the tool", hangs: "timeout", run: stopsItself},
	{name: "a command that is stopped and continued by others", run: stoppedByOthers},
	{name: "the tool stopped and continued", hangs: "timeout", run: toolStopped},
}

func stopsItself(r *rig) {
	p := r.start(r.with("sh", "-c", `echo pid $$; kill -STOP $$; echo goes on; exit 3`), nil)
	pid := p.waitPid("pid ")
	poll(r.t, "the command to be stopped", func() bool { return state(pid) == "T" })
	// The tool may stop with it, as far as its caller sees. One SIGCONT must do.
	p.signal(syscall.SIGCONT)
	p.waitLine("goes on")
	if res := p.wait(); res.code != 3 {
		r.t.Errorf("%v, want 3", res)
	}
}

func stoppedByOthers(r *rig) {
	p := r.start(r.with("sh", "-c", `trap 'exit 6' USR1; echo pid $$; while :; do sleep 0.01; done`), nil)
	pid := p.waitPid("pid ")
	for range 3 {
		_ = syscall.Kill(pid, syscall.SIGSTOP)
		poll(r.t, "the command to be stopped", func() bool { return state(pid) == "T" })
		_ = syscall.Kill(pid, syscall.SIGCONT)
		poll(r.t, "the command to go on", func() bool { return state(pid) != "T" })
	}
	poll(r.t, "the tool to go on", func() bool { return state(p.cmd.Process.Pid) != "T" })
	_ = syscall.Kill(pid, syscall.SIGUSR1)
	if res := p.wait(); res.code != 6 {
		r.t.Errorf("%v, want 6", res)
	}
}

func toolStopped(r *rig) {
	p := r.start(r.with("sh", "-c", `trap 'exit 6' TERM; echo ready; while :; do sleep 0.01; done`), nil)
	p.waitLine("ready")
	p.signal(syscall.SIGSTOP)
	poll(r.t, "the tool to be stopped", func() bool { return state(p.cmd.Process.Pid) == "T" })
	p.signal(syscall.SIGCONT)
	p.signal(syscall.SIGTERM)
	if res := p.wait(); res.code != 6 && res.code != 124 {
		r.t.Errorf("%v, want 6", res)
	}
}
