package cli

import (
	"slices"
	"strings"
)

// What a command inherits is compared with what it has without a tool.
var inheritChecks = []check{
	{name: "ignored signals stay ignored, all of them", fails: "lastly run, dumb-init, timeout", run: func(r *rig) {
		r.same(`trap '' HUP INT PIPE USR1 USR2 TERM TSTP TTIN TTOU ALRM WINCH QUIT; exec "$@" grep SigIgn /proc/self/status`)
	}},
	{name: "what nohup and a shell's & ignore stays ignored", fails: "dumb-init, timeout", run: func(r *rig) {
		r.same(`trap '' HUP INT; exec "$@" grep SigIgn /proc/self/status`)
	}},
	{name: "also those that the tool itself lives by: CHLD, CONT", fails: "lastly run, dumb-init, timeout", hangs: "tini -s, catatonit", run: func(r *rig) {
		r.same(`exec perl -e '$SIG{$_} = "IGNORE" for qw(CHLD CONT ABRT XCPU SYS); exec @ARGV' "$@" grep SigIgn /proc/self/status`)
		r.same(`exec perl -e '$SIG{CHLD} = "IGNORE"; exec @ARGV' "$@" sh -c 'exit 9'`)
	}},
	{name: "blocked signals stay blocked, all of them", fails: "lastly run, dumb-init, catatonit, timeout", run: func(r *rig) {
		r.same(`exec perl -e 'use POSIX; sigprocmask(SIG_BLOCK, POSIX::SigSet->new(1, 2, 10, 12, 14, 15, 17, 28)); exec @ARGV' "$@" grep SigBlk /proc/self/status`)
	}},
	{name: "nothing is ignored or blocked that was not", fails: "catatonit", run: func(r *rig) {
		r.same(`exec "$@" grep -E 'Sig(Ign|Blk|Pnd)' /proc/self/status`)
	}},
	{name: "the environment", run: environment},
	{name: "the working folder, also one that is gone", run: func(r *rig) {
		r.same(`mkdir -p a/b; cd a/b; exec "$@" pwd -P`)
		r.same(`mkdir -p gone; cd gone; rmdir ../gone; exec "$@" readlink /proc/self/cwd`)
	}},
	{name: "umask, nice, limits", run: func(r *rig) {
		r.same(`umask 027; ulimit -c 0; ulimit -Sn 300; ulimit -s 4096; exec nice -n 3 "$@" sh -c 'umask; nice; ulimit -a; ulimit -Hn; ulimit -Sn'`)
	}},
	{name: "descriptors: those given, and no others", run: func(r *rig) {
		r.same(`exec "$@" sh -c 'cd /proc/self/fd; echo *'`)
		r.same(`exec 7>file 9<file; exec "$@" sh -c 'echo seven >&7; cat <&9; cd /proc/self/fd; echo *'`)
	}},
	{name: "session, name and rights", run: func(r *rig) {
		r.same(`exec "$@" grep -E '^(Name|Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp|Cpus_allowed_list|CoreDumping|THP_enabled):' /proc/self/status`)
		r.same(`exec "$@" cat /proc/self/oom_score_adj /proc/self/timerslack_ns /proc/self/cgroup`)
	}},
	{name: "the command stays in the session", fails: "dumb-init", run: func(r *rig) {
		res := r.sh(`s() { cut -d ' ' -f 6 /proc/$$/stat; }; s; "$@" sh -c "cut -d ' ' -f 6 /proc/\$\$/stat"`)
		if lines := strings.Fields(res.out); len(lines) != 2 || lines[0] != lines[1] {
			r.t.Errorf("%v, want the same twice", res)
		}
	}},
}

// same runs the script without a tool and with it, and wants no difference.
func (r *rig) same(script string) {
	r.t.Helper()
	bare := r.start([]string{"sh", "-c", script, "sh"}, nil).wait()
	with := r.sh(script)
	if bare != with {
		r.t.Errorf("%s\nwithout: %v\nwith:    %v", script, bare, with)
	}
}

// environment may gain variables of lastly's, and lose or change none.
func environment(r *rig) {
	const script = `exec env -i A=1 EMPTY= "$(printf 'L=a\nb')" ` + `PATH=/usr/bin:/bin HOME=/nowhere LASTLY_DIR="$LASTLY_DIR" ` + markVariable + `="$` + markVariable + `" "$@" env -0`
	all := func(res result) (list []string) {
		for one := range strings.SplitSeq(res.out, "\x00") {
			if one != "" && (!strings.HasPrefix(one, "LASTLY_") || strings.HasPrefix(one, "LASTLY_DIR=")) {
				list = append(list, one)
			}
		}
		return list
	}
	bare, with := r.start([]string{"sh", "-c", script, "sh"}, nil).wait(), r.sh(script)
	if want, got := all(bare), all(with); !slices.Equal(want, got) {
		r.t.Errorf("%q, want %q", got, want)
	}
}
