package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly/e2e/internal/real"
)

// A language is a program of testdata/languages, each of which works in a temporary folder, beside children, and registers the same
// things by `lastly add`: two commands (newest.sh, oldest.sh), a file, a folder, and a daemon that only bears the token.
type language struct {
	name   string    // also its row in docs/languages.md
	needs  [2]string // a program, and the Debian package that has it
	argv   []string  // the token stands for "TOKEN"
	status int       // after SIGTERM
	atTerm string    // what its own handlers write when SIGTERM has come
}

var languages = []language{
	{"Python: atexit", python, []string{"python3", "atexit.py", "TOKEN"}, 143, ""}, // atexit does nothing about SIGTERM
	{"Python: atexit, SIGTERM handled by sys.exit", python, []string{"python3", "atexit.py", "TOKEN", "handle"}, 3, "atexit\n"},
	{"Python: multiprocessing, fork", python, []string{"python3", "pool.py", "TOKEN", "fork"}, 143, ""},
	{"Python: multiprocessing, spawn", python, []string{"python3", "pool.py", "TOKEN", "spawn"}, 143, ""},
	{"Python: multiprocessing, forkserver", python, []string{"python3", "pool.py", "TOKEN", "forkserver"}, 143, ""},
	{"Node: process.on(\"exit\")", node, []string{"node", "job.js", "TOKEN"}, 143, ""},
	{"Node: process.on(\"exit\"), SIGTERM handled by process.exit", node, []string{"node", "job.js", "TOKEN", "handle"}, 3, "exit\n"},
	{"bash: trap EXIT", bash, []string{"bash", "job.sh", "TOKEN"}, 143, "exit\n"},
	{"bash: trap EXIT, SIGTERM handled by exit", bash, []string{"bash", "job.sh", "TOKEN", "handle"}, 3, "exit\n"},
	{"dash (Debian's sh): trap EXIT", [2]string{"dash", "dash"}, []string{"dash", "job.sh", "TOKEN"}, 143, ""}, // its trap for EXIT does nothing about SIGTERM
	{"Perl: END", perl, []string{"perl", "job.pl", "TOKEN"}, 143, ""},
	{"Perl: END, SIGTERM handled by exit", perl, []string{"perl", "job.pl", "TOKEN", "handle"}, 3, "END\n"},
	{"Java: shutdown hook", java, []string{"sh", "-c", javaCommand("Main.java $1"), "sh", "TOKEN"}, 143, "shutdown hook\n"},
}

var (
	python = [2]string{"python3", "python3"}
	node   = [2]string{"node", "nodejs"}
	bash   = [2]string{"bash", "bash"}
	perl   = [2]string{"perl", "perl"}
	java   = [2]string{"javac", "default-jdk-headless"} // without a compiler, java runs no source file
)

// javaCommand is a shell's for Java. It tells it about TMPDIR, and to have no file in /tmp; what is after that makes it start sooner.
func javaCommand(args string) string {
	return `exec java -Djava.io.tmpdir="$TMPDIR" -XX:-UsePerfData -XX:TieredStopAtLevel=1 -XX:+UseSerialGC ` + args
}

// An ending is what happens to a run in the middle.
type ending struct {
	name string
	term bool // the program gets SIGTERM
	kill func(l *languageRun)
}

var endings = []ending{
	{"SIGKILL to the program", false, func(l *languageRun) { send(l.t, l.program, syscall.SIGKILL) }},
	{"SIGTERM to lastly", true, func(l *languageRun) { l.p.signal(syscall.SIGTERM) }},
	{"SIGKILL to the outer process", true, func(l *languageRun) { l.p.signal(syscall.SIGKILL) }},
	{"SIGKILL to the inner process", true, func(l *languageRun) { send(l.t, l.inner, syscall.SIGKILL) }},
	{"SIGKILL to both", true, func(l *languageRun) {
		l.p.signal(syscall.SIGSTOP) // so that it notices nothing; not the inner one, which the kernel continues when its parent dies
		send(l.t, l.inner, syscall.SIGKILL)
		l.p.signal(syscall.SIGKILL)
	}},
}

// TestLanguages ends each program in each way in the middle of its work, and wants nothing to be left of it, and what it has
// registered to run once and in order.
func TestLanguages(t *testing.T) {
	t.Parallel()
	for _, lang := range languages {
		t.Run(lang.name, func(t *testing.T) {
			t.Parallel()
			real.Need(t, lang.needs[0], lang.needs[1])
			real.Need(t, "setsid", "util-linux")
			for _, d := range endings {
				t.Run(d.name, func(t *testing.T) {
					l := startLanguage(t, lang)
					d.kill(l)
					l.check(lang, d)
				})
			}
		})
	}
}

// A languageRun is one program behind `lastly run --temp`.
type languageRun struct {
	t       *testing.T
	r       *rig
	p       *proc
	token   string // an argument of the daemon
	program int
	inner   int // the program's parent
	before  []string
}

func startLanguage(t *testing.T, lang language) *languageRun {
	t.Helper()
	l := &languageRun{t: t, r: newLanguageRig(t), token: fmt.Sprintf("1000.%d", time.Now().UnixNano())}
	l.before = dirNames(t, l.r.dir)
	t.Cleanup(l.killDaemon)
	argv := slices.Clone(lang.argv)
	argv[slices.Index(argv, "TOKEN")] = l.token
	l.p = l.r.start(append([]string{lastly(t), "run", "--temp", "--"}, argv...), nil)
	l.p.waitLine("ready")
	l.program = l.p.waitPid("pid ")
	l.inner = parent(t, l.program)
	if temp := l.p.waitLine("temp "); !strings.HasPrefix(temp, l.r.temp()+"/run-") {
		t.Errorf("its temporary files are in %s, want them in a folder of the run, in %s", temp, l.r.temp())
	}
	poll(t, "the daemon and three others: one may be just executing its program", func() bool {
		return len(l.daemons()) == 1 && len(l.r.alive()) >= 4
	})
	return l
}

// newLanguageRig makes a rig whose folders have short paths, as sockets need in them, with a copy of the programs to start in.
func newLanguageRig(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, nil)
	base, err := os.MkdirTemp("", "lang-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.killAll()
		if err := os.RemoveAll(base); err != nil {
			t.Error(err)
		}
	})
	r.dir = filepath.Join(base, "work")
	if err := os.CopyFS(r.dir, os.DirFS(filepath.Join("testdata", "languages"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(r.temp(), 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Dir(lastly(t)) + string(os.PathListSeparator) + os.Getenv("PATH")
	r.env = append(r.env, "LASTLY_DIR="+filepath.Join(base, "journals"), "TMPDIR="+r.temp(), "PATH="+path)
	return r
}

// temp is TMPDIR of a language's rig.
func (r *rig) temp() string { return filepath.Join(filepath.Dir(r.dir), "temp") }

// check waits for the end of everything, and looks at what is left.
func (l *languageRun) check(lang language, d ending) {
	t := l.t
	t.Helper()
	res := l.p.wait()
	if !within(limit, 10*time.Millisecond, func() bool { return len(l.r.alive())+len(l.daemons()) == 0 }) {
		t.Errorf("still there: %q", names(append(l.r.alive(), l.daemons()...)))
	}
	if want := wantStatus(lang, d); res.code != want {
		t.Errorf("%v, want %d", res, want)
	}
	l.checkFiles()
	l.checkText("log", "newest\noldest\n", res)
	want := ""
	if d.term {
		want = lang.atTerm
	}
	l.checkText("handlers", want, res)
}

func wantStatus(lang language, d ending) int {
	switch d.name {
	case "SIGTERM to lastly", "SIGKILL to the inner process":
		return lang.status
	}
	return 137 // the program's, or lastly's own
}

func (l *languageRun) checkText(name, want string, res result) {
	l.t.Helper()
	text, err := os.ReadFile(filepath.Join(l.r.dir, name))
	if err != nil && !os.IsNotExist(err) {
		l.t.Fatal(err)
	}
	if string(text) != want {
		l.t.Errorf("%s: %q, want %q; %v", name, text, want, res)
	}
}

// checkFiles looks where the program, or its language, had files: in its folder, in TMPDIR, in /dev/shm, in /tmp; and for journals.
func (l *languageRun) checkFiles() {
	t := l.t
	t.Helper()
	after := slices.DeleteFunc(dirNames(t, l.r.dir), func(name string) bool { return name == "log" || name == "handlers" })
	if !slices.Equal(after, l.before) {
		t.Errorf("in its folder there is %q, and there was %q", after, l.before)
	}
	var left []string
	for _, pattern := range []string{l.r.temp() + "/*", "/tmp/hsperfdata_*/" + strconv.Itoa(l.program)} {
		some, _ := filepath.Glob(pattern)
		left = append(left, some...)
	}
	for line := range strings.Lines(l.p.output()) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "shm "); ok {
			some, _ := filepath.Glob("/dev/shm/" + name)
			left = append(left, some...)
		}
	}
	if len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	if res := l.r.start([]string{lastly(t), "list"}, nil).wait(); res.code != 0 || res.out != "" {
		t.Errorf("lastly list: %v, want nothing to be registered", res)
	}
}

func dirNames(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		all = append(all, entry.Name())
	}
	return all
}

// daemons are the processes with the token as an argument.
func (l *languageRun) daemons() (pids []int) {
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range all {
		if line, _ := os.ReadFile(file); string(line) == "/bin/sleep\x00"+l.token+"\x00" {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			pids = append(pids, pid)
		}
	}
	return pids
}

func (l *languageRun) killDaemon() {
	for _, pid := range l.daemons() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

func send(t testing.TB, pid int, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatalf("send %v to process %d: %v", sig, pid, err)
	}
}

// parent is the number of a process's parent.
func parent(t testing.TB, pid int) (ppid int) {
	t.Helper()
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(stat), ") ")
	if _, err := fmt.Sscanf(rest, "%s %d", new(string), &ppid); err != nil {
		t.Fatalf("process %d: %q: %v", pid, stat, err)
	}
	return ppid
}
