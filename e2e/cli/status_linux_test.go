package cli

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

var statusChecks = []check{
	{name: "exit statuses 0 to 255", run: statuses},
	{name: "death by signal n is 128+n", run: deaths},
	{name: "no such command is 127, and it says which", fails: "dumb-init, catatonit", run: notFound},
	{name: "what can't be executed is 126", fails: "dumb-init, catatonit", run: notExecutable},
	{name: "a script without #! is run by the shell", run: noInterpreterLine},
	{name: "a writer whose reader is gone dies of SIGPIPE", run: brokenPipe},
	{name: "two in a row", run: nested},
	{name: "every word reaches the command as it is", run: words},
}

// statuses looks at all of them in one shell.
func statuses(r *rig) {
	res := r.sh(`i=0; while [ $i -le 255 ]; do "$@" sh -c "exit $i"; [ $? = $i ] || echo "$i is $?"; i=$((i+1)); done; echo done`)
	if res.out != "done\n" || res.err != "" {
		r.t.Errorf("%v", res)
	}
}

// deaths are by all signals that end a process, the real-time ones among them.
func deaths(r *rig) {
	res := r.sh(`ulimit -c 0; for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 24 25 26 27 29 30 31 34 50 64; do
		"$@" sh -c 'kill -'$n' $$' 2>/dev/null; code=$?; [ $code = $((128+n)) ] || echo "$n is $code"; done; echo done`)
	if res.out != "done\n" {
		r.t.Errorf("%v", res)
	}
}

func notFound(r *rig) {
	for _, name := range []string{"no-such-command-here", "/no/such/command", "./no-such"} {
		res := r.run(name, "argument")
		if res.code != 127 || !strings.Contains(res.err, name) {
			r.t.Errorf("%s: %v, want 127 and its name", name, res)
		}
	}
}

func notExecutable(r *rig) {
	file := filepath.Join(r.dir, "text")
	if err := os.WriteFile(file, []byte("#!/bin/sh\nexit 0\n"), 0o600); err != nil {
		r.t.Fatal(err)
	}
	for _, name := range []string{file, r.dir} {
		res := r.run(name)
		if res.code != 126 || !strings.Contains(res.err, name) {
			r.t.Errorf("%s: %v, want 126 and its name", name, res)
		}
	}
}

// noInterpreterLine is what execvp(3) does, and with it every shell and most launchers.
func noInterpreterLine(r *rig) {
	file := r.program("script", "echo \"$1\"\nexit 9\n")
	if res := r.run(file, "a word"); res.code != 9 || res.out != "a word\n" {
		r.t.Errorf("%v, want 9", res)
	}
}

func brokenPipe(r *rig) {
	res := r.sh(`{ "$@" yes; echo $? >&2; } | head -1`)
	if res.out != "y\n" || strings.TrimSpace(res.err) != "141" {
		r.t.Errorf("%v, want 141", res)
	}
}

func nested(r *rig) {
	if res := r.run(r.with("sh", "-c", "exit 9")...); res.code != 9 || res.err != "" {
		r.t.Errorf("%v, want 9", res)
	}
	p := r.start(r.with(r.with("sh", "-c", "echo pid $$; exec sleep 1000")...), nil)
	p.waitLine("pid ")
	p.signal(syscall.SIGTERM)
	if res := p.wait(); res.code != 143 {
		r.t.Errorf("after SIGTERM: %v, want 143", res)
	}
	r.nothingLeft()
}

func words(r *rig) {
	long := strings.Repeat("x", 100_000)
	res := r.run("printf", "<%s>", "", " ", "--", "-x", "a\nb", "'\"$HOME`", "\xff", long, "--help")
	if want := "<>< ><--><-x><a\nb><'\"$HOME`><\xff><" + long + "><--help>"; res.out != want || res.code != 0 {
		r.t.Errorf("%.300q, exit status %d", res.out, res.code)
	}
}
