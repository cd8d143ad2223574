package cli

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/lastly-go/lastly/e2e/internal/real"
)

// What a terminal does to the keys that are typed:
//
// A program that Ctrl-Z is about to stop may still take the next line, for the kernel gives it what there is to read before it
// looks at signals. So whoever types on waits for the prompt first.
//
// The ^C that a key leaves on the screen may come behind the prompt of the shell that goes on. So nothing waits for it.
//
// What a session's leader writes last may be lost: its end flushes the terminal. So it waits for a key before it exits.
var terminalChecks = []check{
	{name: "terminal: the command has it, and may read from it", run: readsTerminal},
	{name: "terminal: Ctrl-C reaches the command, once", hangs: "timeout", run: ctrlC},
	{name: "terminal: Ctrl-\\ ends it", run: ctrlBackslash},
	{name: "terminal: a new window size reaches the command", run: windowSize},
	{name: "terminal: the shell has it back afterwards", run: givenBack},
	{name: "terminal: it goes away", run: hangUp},
	{name: "terminal: it goes away, and nohup was wanted", fails: "dumb-init, timeout", run: hangUpIgnored},
	{name: "terminal: that of script(1)", hangs: "tini -s, catatonit", run: scriptProgram},
	{name: "terminal: none, by setsid -w", run: noTerminal},
	{name: "terminal: a full-screen program in raw mode", run: rawMode},
	{name: "terminal: less, with Ctrl-Z and fg", hangs: others, run: pager},
}

func readsTerminal(r *rig) {
	s := r.session(r.with("sh", "-c", `tty; read line </dev/tty; echo "got $line"; read line; exit 3`)...)
	s.sees("/dev/pts/")
	s.types("hello\n")
	s.sees("got hello")
	s.types("\n")
	if res := s.wait(); res.code != 3 {
		r.t.Errorf("%v, want 3", res)
	}
}

// ctrlC takes the second one for the count: in the moment of the command's start, lastly can't know whether it was there for a key
// already, and passes that on.
func ctrlC(r *rig) {
	s := r.session(r.with("perl", "-e", counts)...)
	s.sees("ready")
	s.types("\x03")
	s.sees("counted INT ")
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

func givenBack(r *rig) {
	s := r.shell()
	s.types("./t true; read -r x; echo \"got $x\"\n")
	s.types("a line\n")
	s.sees("got a line")
	s.prompt()
	s.types("./t sh -c 'kill -9 $$'; echo status $?\n")
	s.sees("status 137")
	s.prompt()
	s.types("./t sh -c 'echo wait''s; exec sleep 1000'\n")
	s.sees("waits")
	s.types("\x03")
	s.prompt()
	s.types("echo still $((2+2))\n")
	s.sees("still 4")
	s.leave()
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

// hangUpIgnored closes it under the job of a shell, which nohup protects.
func hangUpIgnored(r *rig) {
	s := r.shell()
	s.types("nohup ./t sh -c 'touch begun; until [ -e goon ]; do sleep 0.02; done; touch survived; exit 3' >log 2>&1 &\n")
	s.prompt()
	has := func(name string) bool {
		_, err := os.Stat(filepath.Join(r.dir, name))
		return err == nil
	}
	poll(r.t, "the command to run", func() bool { return has("begun") })
	_ = s.master.Close()
	s.wait()
	if err := os.WriteFile(filepath.Join(r.dir, "goon"), nil, 0o600); err != nil {
		r.t.Fatal(err)
	}
	poll(r.t, "the job to end", func() bool { return has("survived") || len(r.alive()) == 0 })
	if !has("survived") {
		r.t.Error("the job ended with its terminal")
	}
	poll(r.t, "the tool to end", func() bool { return len(r.alive()) == 0 })
}

// scriptProgram asks for the status, the keys, and that Ctrl-Z, which stops nothing where no shell could go on, stops nothing.
func scriptProgram(r *rig) {
	s := r.session("script", "-qec", strings.Join(r.with("sh", "-c", `'echo ready; read line; echo "got $line"; tty >tty; read line; exit 3'`), " "), "/dev/null")
	s.sees("ready")
	s.types("\x1a")
	s.types("hello\n")
	s.sees("got hello")
	s.types("\n")
	if res := s.wait(); res.code != 3 {
		r.t.Errorf("%v, want 3", res)
	}
	if text, _ := os.ReadFile(filepath.Join(r.dir, "tty")); !strings.HasPrefix(string(text), "/dev/pts/") {
		r.t.Errorf("the command's terminal is %q", text)
	}
}

func noTerminal(r *rig) {
	s := r.shell()
	s.types("setsid -w ./t sh -c '(: </dev/tty) 2>/dev/null || exit 4'; echo status $?\n")
	s.sees("status 4")
	s.leave()
}

// raw is what an editor does: it has the keys itself, and goes to the shell when it is asked to.
const raw = `use POSIX; $| = 1; my $t = POSIX::Termios->new; $t->getattr(0); my $was = $t->getlflag;
	sub set { $t->setlflag($_[0]); $t->setattr(0, TCSADRAIN) }
	sub raw { set($was & ~(ICANON | ECHO | ISIG)); print "r" . "aw\n" }
	raw(); while (sysread STDIN, my $key, 1) { print "key ", ord $key, "\n"; last if $key eq "q"; if ($key eq "z") { set($was); kill "TSTP", 0; raw() } }
	set($was); exit 7`

func rawMode(r *rig) {
	r.program("raw", raw)
	s := r.shell()
	s.types("./t perl raw\n")
	s.sees("raw\r\n")
	s.sees("raw\r\n")
	s.types("\x03")
	s.sees("key 3")
	s.types("\x1a")
	s.sees("key 26")
	s.types("q")
	s.prompt()
	s.types("echo then $?\n")
	s.sees("then 7")
	s.leave()
}

// stop presses Ctrl-Z until there is a prompt: less notes that it is to stop, and may do so with the next key only.
func (s *session) stop() {
	s.t.Helper()
	for end := time.Now().Add(limit); !strings.Contains(s.text(), prompt) && time.Now().Before(end); {
		s.types("\x1a")
		within(time.Second, 5*time.Millisecond, func() bool { return strings.Contains(s.text(), prompt) })
	}
	s.prompt()
}

// goOn is fg until the program shows the text: of a key that was pressed twice, less may keep one for after that.
func (s *session) goOn(text string) {
	s.t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); s.prompt() {
		s.types("fg\n")
		within(limit, 5*time.Millisecond, func() bool { return strings.Contains(s.text(), text) || strings.Contains(s.text(), prompt) })
		if strings.Contains(s.text(), text) {
			break
		}
	}
	s.sees(text)
}

func pager(r *rig) {
	real.Need(r.t, "less", "less")
	s := r.shell()
	s.types("seq 1000 >numbers; export TERM=xterm LESS=-X; ./t less numbers\n")
	s.sees("\n5")
	s.sees("numbers\x1b")
	s.stop()
	s.goOn("\n5")
	s.types("G")
	s.sees("1000")
	s.types("q")
	s.prompt()
	s.types("cat numbers | ./t less\n")
	s.sees("\n5")
	s.types("G")
	s.sees("1000")
	s.types("q")
	s.prompt()
	s.types("./t cat numbers | less\n")
	s.sees("\n5")
	s.types("q")
	s.prompt()
	s.types("stty | grep -c echo; echo then $?\n")
	s.sees("then 1")
	s.leave()
}
