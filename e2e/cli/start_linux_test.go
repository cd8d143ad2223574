package cli

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/lastly-go/lastly/internal/testproc"
)

var startChecks = []check{
	{name: "stdin: a pipe, a file, /dev/null", run: stdin},
	{name: "stdin, stdout, stderr closed", fails: "tini -s", run: closedStandard},
	{name: "closed ones stay closed in the command", fails: "lastly run, tini -s", run: closedStay},
	{name: "a signal in the moment of the start ends it", hangs: "dumb-init, timeout", run: earlySignal}, // timeout fails now and then
	{name: "it does not wait for a shell's background job", run: background},
	{name: "a command that closes all its descriptors", run: closesAll},
}

func stdin(r *rig) {
	res := r.sh(`printf 'one\ntwo\n' | "$@" cat; echo three >file; "$@" cat <file; "$@" cat </dev/null; echo $?`)
	if res.out != "one\ntwo\nthree\n0\n" || res.err != "" {
		r.t.Errorf("%v", res)
	}
	var w *os.File
	p := r.start(r.with("sh", "-c", "read line; echo got $line; cat"), func(cmd *exec.Cmd) { // it stays open: nobody may wait for its end
		read, write, err := os.Pipe()
		if err != nil {
			r.t.Fatal(err)
		}
		cmd.Stdin, w = read, write
		r.t.Cleanup(func() { _ = read.Close(); _ = write.Close() })
	})
	_, _ = w.WriteString("hello\n")
	p.waitLine("got hello")
	_, _ = w.WriteString("more\n")
	p.waitLine("more")
	_ = w.Close()
	if res := p.wait(); res.code != 0 {
		r.t.Errorf("%v", res)
	}
}

func closedStay(r *rig) {
	res := r.sh(`"$@" sh -c '[ -e /proc/$$/fd/0 ]; echo $?' <&-; "$@" sh -c '[ -e /proc/$$/fd/2 ]; echo $?' 2>&-`)
	if res.out != "1\n1\n" {
		r.t.Errorf("%v, want 1 twice", res)
	}
}

// closedStandard does not ask for closed ones in the command, only that it runs and reads nothing: the Go runtime opens /dev/null in
// their places.
func closedStandard(r *rig) {
	res := r.sh(`"$@" sh -c 'cat 2>/dev/null; echo in' <&-; "$@" sh -c 'echo x; exit 4' >&- 2>/dev/null; echo $?; "$@" sh -c 'exit 5' <&- >&- 2>&-; echo $?`)
	if res.out != "in\n4\n5\n" {
		r.t.Errorf("%v", res)
	}
}

// earlySignal sends SIGTERM sooner and later after the start. Whatever is there then, it must end, and by nothing else.
func earlySignal(r *rig) {
	for i := range 20 {
		p := r.start(r.with("sleep", "1000"), nil)
		testproc.Linger(time.Duration(i) * time.Millisecond / 2)
		p.signal(syscall.SIGTERM)
		if res := p.wait(); res.code != 143 && res.code != 124 { // timeout's own status
			r.t.Errorf("SIGTERM after %v: %v, want 143", time.Duration(i)*time.Millisecond/2, res)
		}
	}
	r.nothingLeft()
}

func background(r *rig) {
	begin := time.Now()
	res := r.sh(`"$@" sh -c 'sleep 300 & exit 7'; echo $?; "$@" sh -c '(trap "" TERM HUP; exec sleep 300) & exit 8'; echo $?`)
	if res.out != "7\n8\n" {
		r.t.Errorf("%v", res)
	}
	if took := time.Since(begin); took > 200*time.Second { // not how fast, only that it did not wait for the sleep
		r.t.Errorf("it took %v", took)
	}
}

func closesAll(r *rig) {
	res := r.run("perl", "-e", `use POSIX; POSIX::close($_) for 0..1000; exit 5`)
	if res.code != 5 {
		r.t.Errorf("%v, want 5", res)
	}
	p := r.start(r.with("perl", "-e", `use POSIX; $| = 1; print "pid $$\n"; POSIX::close($_) for 0..1000; sleep 1000`), nil)
	pid := p.waitPid("pid ")
	p.signal(syscall.SIGTERM)
	if res := p.wait(); res.code != 143 && res.code != 124 || strings.Contains(res.err, "panic") {
		r.t.Errorf("%v, want 143", res)
	}
	if s := state(pid); s != "" {
		r.t.Errorf("the command is in state %q", s)
	}
}
