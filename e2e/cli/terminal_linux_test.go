package cli

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

var terminalChecks = []check{
	{name: "terminal: the command has it, and may read from it", run: readsTerminal},
	{name: "terminal: Ctrl-C reaches the command, once", run: ctrlC},
	{name: "terminal: Ctrl-\\ ends it", run: ctrlBackslash},
	{name: "terminal: a new window size reaches the command", run: windowSize},
	{name: "terminal: Ctrl-Z stops the job, fg goes on with it", hangs: "tini -s, catatonit", run: jobControl},
	{name: "terminal: a job in the background that reads is stopped", hangs: others, run: readsInBackground},
	{name: "terminal: the shell has it back afterwards", run: givenBack},
	{name: "terminal: it goes away", run: hangUp},
	{name: "terminal: that of script(1)", run: scriptProgram},
	{name: "terminal: an interactive shell as the command", hangs: "catatonit", run: shellInside},
}

func readsTerminal(r *rig) {
	s := r.session(r.with("sh", "-c", `tty; read line </dev/tty; echo "got $line"; exit 3`)...)
	s.sees("/dev/pts/")
	s.types("hello\n")
	s.sees("got hello")
	if res := s.wait(); res.code != 3 {
		r.t.Errorf("%v, want 3", res)
	}
}

func ctrlC(r *rig) {
	s := r.session(r.with("perl", "-e", counts)...)
	s.sees("ready")
	s.types("\x03")
	s.sees("counted INT 1\r\n")
	s.signal(syscall.SIGKILL)
	s.wait()
	s = r.session(r.with("sh", "-c", "echo ready; exec sleep 1000")...)
	s.sees("ready")
	s.types("\x03")
	if res := s.wait(); res.code != 130 && res.code != 124 {
		r.t.Errorf("%v, want 130", res)
	}
}

func ctrlBackslash(r *rig) {
	s := r.session(r.with("sh", "-c", "ulimit -c 0; echo ready; exec sleep 1000")...)
	s.sees("ready")
	s.types("\x1c")
	if res := s.wait(); res.code != 131 && res.code != 124 {
		r.t.Errorf("%v, want 131", res)
	}
}

func windowSize(r *rig) {
	s := r.session(r.with("perl", "-e", `$| = 1; $SIG{WINCH} = sub { $w = 1 }; print "ready\n"; while (1) { select undef, undef, undef, 0.02; if ($w) { $w = 0; system "stty size" } }`)...)
	s.sees("ready")
	s.resize(31, 97)
	s.sees("31 97")
	s.resize(32, 98)
	s.sees("32 98")
	s.signal(syscall.SIGKILL)
	s.wait()
}

// shell returns an interactive shell with job control, for which ./t is the tool.
func (r *rig) shell() *session {
	r.t.Helper()
	script := "#!/bin/sh\nexec " + strings.Join(r.prefix, " ") + ` "$@"` + "\n"
	if err := os.WriteFile(filepath.Join(r.dir, "t"), []byte(script), 0o700); err != nil {
		r.t.Fatal(err)
	}
	s := r.session("bash", "--norc", "--noprofile", "--noediting", "-i")
	s.types("echo up $((1+1))\n")
	s.sees("up 2")
	return s
}

func (s *session) leave(r *rig) {
	r.t.Helper()
	s.types("exit 6\n")
	if res := s.wait(); res.code != 6 {
		r.t.Errorf("%v, want the shell's 6", res)
	}
}

func jobControl(r *rig) {
	s := r.shell()
	s.types(`./t sh -c 'echo ready; while read line; do echo "got $line"; done; exit 3'; echo status $?` + "\n")
	s.sees("\nready")
	s.types("one\n")
	s.sees("got one")
	s.types("\x1a")
	s.sees("status 14") // 128 and SIGTSTP or SIGSTOP, whichever stopped the tool
	s.types("jobs\n")
	s.sees("Stopped")
	s.types("fg\n")
	s.types("two\n")
	s.sees("got two")
	s.types("\x1a")
	s.types("bg; kill %1; wait %1; echo ended $?\n")
	s.sees("ended ")
	s.leave(r)
	r.nothingLeft()
}

func readsInBackground(r *rig) {
	s := r.shell()
	s.types("./t sed -u s/^/got./ &\n")
	s.types(`until jobs | grep -q Stopped; do sleep 0.02; done; echo it is $(jobs | grep -c Stopped)` + "\n")
	s.sees("it is 1")
	s.types("fg\n")
	s.types("hello\n")
	s.sees("got.hello")
	s.types("\x04")
	s.types("echo then $?\n")
	s.sees("then 0")
	s.leave(r)
}

func givenBack(r *rig) {
	s := r.shell()
	s.types("./t true; read -r x; echo \"got $x\"\n")
	s.types("./t sh -c 'kill -9 $$'; echo status $?\n")
	s.sees("got ./t sh")
	s.types("./t sh -c 'kill -9 $$'; echo status $?\n")
	s.sees("status 137")
	s.types("./t sh -c 'echo wait''s; exec sleep 1000'\n")
	s.sees("waits")
	s.types("\x03")
	s.types("echo still $((2+2))\n")
	s.sees("still 4")
	s.leave(r)
}

// hangUp closes the terminal: the command gets SIGHUP, and nothing stays.
func hangUp(r *rig) {
	s := r.session(r.with("sh", "-c", "echo ready; exec sleep 1000")...)
	s.sees("ready")
	_ = s.master.Close()
	if res := s.wait(); res.code != 129 && res.code != 124 {
		r.t.Errorf("%v, want 129", res)
	}
	r.nothingLeft()
}

func scriptProgram(r *rig) {
	res := r.start([]string{"script", "-qec", strings.Join(r.with("sh", "-c", `'tty; exit 3'`), " "), "/dev/null"}, nil).wait()
	if res.code != 3 || !strings.Contains(res.out, "/dev/pts/") {
		r.t.Errorf("%v, want 3 and a terminal", res)
	}
}

// shellInside stops and continues a job of a shell that is the command.
func shellInside(r *rig) {
	s := r.session(r.with("bash", "--norc", "--noprofile", "--noediting", "-i")...)
	s.types("echo up $((1+1))\n")
	s.sees("up 2")
	if strings.Contains(s.text(), "no job control") {
		r.t.Fatalf("the shell says %q", s.text())
	}
	s.types("sed -u s/^/got./\n")
	s.types("hello\n")
	s.sees("got.hello")
	s.types("\x1a")
	s.sees("Stopped")
	s.types("fg\n")
	s.types("again\n")
	s.sees("got.again")
	s.types("\x03")
	s.sees("^C") // sed reads what is typed before it is gone
	s.sees("$ ")
	s.types("echo then $((3+3))\n")
	s.sees("then 6")
	s.types("exit 6\n")
	if res := s.wait(); res.code != 6 {
		r.t.Errorf("%v, want 6", res)
	}
}
