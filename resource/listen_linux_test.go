package resource_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/testproc"
	"github.com/lastly-go/lastly/resource"
)

var _ = addVictims(testproc.Victims{
	"listens":        listens,
	"listen-dies":    listenDies,
	"listen-given":   listenGiven,
	"listen-by-hand": listenByHand,
})

// listens listens on the path args[0] and answers with its own number. With args[1], its guard has to wait for that file
// before it comes to the socket.
func listens(args []string) {
	ln, err := resource.Listen(lastly.Process(), "unix", args[0])
	if err != nil {
		testproc.Say("refused: %v", err)
		return
	}
	if len(args) > 1 {
		script := `while ! [ -e "$1" ]; do sleep 0.01; done`
		cmd := durable.Command{Args: []string{"sh", "-c", script, "sh", args[1]}}
		_, err := durable.Exec.Register(lastly.Process(), cmd, lastly.Hook{Name: "slow"})
		exitOn(err)
	}
	testproc.Say("listens")
	answer(ln, strconv.Itoa(os.Getpid()))
}

// listenDies is killed at the point args[1] of Listen, or after it.
func listenDies(args []string) {
	dieAt(args[1])
	_, err := resource.Listen(lastly.Process(), "unix", args[0])
	exitOn(err)
	die()
}

// TestListenDeaths: the socket is gone after a death at any moment. Conformance 90.
func TestListenDeaths(t *testing.T) {
	t.Parallel()
	for _, guarded := range []bool{true, false} {
		for _, point := range []string{"resource.listen: registered", "resource.listen: bound", "after"} {
			t.Run(fmt.Sprintf("%s, guarded %v", point, guarded), func(t *testing.T) {
				t.Parallel()
				l := newFilesLab(t)
				path := socketPath(t)
				p := l.start(guarded, "listen-dies", path, point)
				p.Wait().Check(t, "signal killed")
				l.settle(guarded)
				wantNames(t, filepath.Dir(path))
			})
		}
	}
}

// TestListenRestart: a supervisor starts the next instance at once. It gets the socket, and the dead one's guard leaves it
// alone.
func TestListenRestart(t *testing.T) {
	t.Parallel()
	l := newFilesLab(t)
	path := socketPath(t)
	p := l.start(true, "listens", path)
	p.WaitLine("listens")
	for range 10 {
		p.Signal(os.Kill)
		p.Wait().Check(t, "signal killed")
		next := l.start(true, "listens", path)
		next.WaitLine("listens")
		testproc.Poll(t, "the end of the dead one's journal", func() bool {
			_, err := durable.Recover(t.Context(), durable.Options{Dir: l.journal}) // as the next start does
			noError(t, err)
			return len(l.journals()) == 1
		})
		if got := answers("unix", path); got != strconv.Itoa(next.Pid()) {
			t.Fatalf("%q answers, want %d", got, next.Pid())
		}
		p = next
	}
	p.Signal(os.Kill)
	p.Wait()
	l.settle(true)
	wantNames(t, filepath.Dir(path))
}

// TestListenSlowGuard: a guard that comes when the next instance has replaced the socket leaves it alone, and has no more to
// do.
func TestListenSlowGuard(t *testing.T) {
	t.Parallel()
	l := newFilesLab(t)
	path, proceed := socketPath(t), filepath.Join(l.files, "proceed")
	p := l.start(true, "listens", path, proceed)
	p.WaitLine("listens")
	p.Signal(os.Kill)
	p.Wait().Check(t, "signal killed")
	next := l.start(true, "listens", path)
	next.WaitLine("listens")
	if len(l.journals()) != 2 {
		t.Error("the guard was not slow")
	}
	put(t, proceed, "")
	testproc.Poll(t, "the end of the dead one's journal", func() bool { return len(l.journals()) == 1 })
	if got := answers("unix", path); got != strconv.Itoa(next.Pid()) {
		t.Errorf("%q answers, want %d", got, next.Pid())
	}
	next.Signal(os.Kill)
	next.Wait()
	l.settle(true)
	wantNames(t, filepath.Dir(path))
}

// TestListenTogether: of many that start at once after a crash, one gets the socket, and keeps it.
func TestListenTogether(t *testing.T) {
	t.Parallel()
	for range 3 {
		path := socketPath(t)
		leaveSocket(t, path)
		var victims []*testproc.Proc
		for range 8 {
			victims = append(victims, testproc.Start(t, "listens", path))
		}
		var winners []string
		for _, p := range victims {
			testproc.Poll(t, "an answer", func() bool {
				return testproc.HasLine(p.Output(), "listens") || p.Gone()
			})
			if testproc.HasLine(p.Output(), "listens") {
				winners = append(winners, strconv.Itoa(p.Pid()))
				continue
			}
			if r := p.Wait(); !strings.Contains(r.Out, "refused: ") || !strings.Contains(r.Out, "listens there; stop it") {
				t.Errorf("a loser says %v", r)
			}
		}
		if len(winners) != 1 {
			t.Fatalf("%q have the socket", winners)
		}
		if got := answers("unix", path); got != winners[0] {
			t.Errorf("%q answers, want %s", got, winners[0])
		}
		wantNames(t, filepath.Dir(path), "socket")
	}
}

// listenByHand listens as any program does, and writes no record.
func listenByHand(args []string) {
	ln, err := net.Listen("unix", args[0])
	exitOn(err)
	testproc.Say("listens")
	answer(ln, "by hand")
}

// TestListenNamesHolder: the error has the number and the program of who listens, on paths and abstract names.
func TestListenNamesHolder(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	noError(t, err)
	for _, addr := range []string{socketPath(t), "@lastly-test-" + strconv.Itoa(os.Getpid())} {
		p := testproc.Start(t, "listen-by-hand", addr)
		p.WaitLine("listens")
		var s lastly.Scope
		_, err := resource.Listen(&s, "unix", addr)
		wantError(t, err, syscall.EADDRINUSE, addr, fmt.Sprintf("process %d (%s) listens there", p.Pid(), filepath.Base(self)))
		wantNothing(t, &s)
		p.Signal(os.Kill)
		p.Wait()
		ln, err := resource.Listen(&s, "unix", addr)
		noError(t, err)
		go answer(ln, "me")
		if got := answers("unix", addr); got != "me" {
			t.Error(got)
		}
		noError(t, s.Close())
	}
}

// TestListenBelowFiles: what is no folder can't have a socket in it, and is not waited for.
func TestListenBelowFiles(t *testing.T) {
	t.Parallel()
	dir := filepath.Dir(socketPath(t))
	pipe := filepath.Join(dir, "pipe")
	noError(t, syscall.Mkfifo(pipe, 0o600))
	for _, file := range []string{pipe, put(t, filepath.Join(dir, "file"), "")} {
		var s lastly.Scope
		_, err := resource.Listen(&s, "unix", filepath.Join(file, "socket"))
		wantError(t, err, syscall.ENOTDIR, file, "its folder must exist")
		wantNothing(t, &s)
	}
}

// TestListenCantTell: a socket of another kind may be alive, so it is left alone.
func TestListenCantTell(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	conn, err := net.ListenPacket("unixgram", path)
	noError(t, err)
	var s lastly.Scope
	_, err = resource.Listen(&s, "unix", path)
	wantError(t, err, syscall.EADDRINUSE, path, "can't be told", "remove it by hand")
	wantNothing(t, &s)
	wantNames(t, filepath.Dir(path), "socket")
	noError(t, conn.Close())
}

// given starts the victim with sockets as systemd does: its number is in LISTEN_PID, and two sockets are its descriptors 3
// and 4. 5 is no socket.
func given(t *testing.T, names string, first, second *os.File, args ...string) *testproc.Proc {
	t.Helper()
	script := `exec 3<&0 4<&2 5</dev/null 0</dev/null 2>/dev/null; LISTEN_PID=$$; export LISTEN_PID; exec "$0" "$@"`
	return testproc.Spec{
		Victim: "listen-given", Args: args, Wrap: []string{"sh", "-c", script}, Stdin: first, Stderr: second,
		Env: []string{"LISTEN_FDS=3", "LISTEN_FDNAMES=" + names},
	}.Start(t)
}

// listenGiven listens on each of args, which are network, comma and address, and says what came of it.
func listenGiven(args []string) {
	for _, arg := range args {
		network, addr, _ := strings.Cut(arg, ",")
		ln, err := resource.Listen(lastly.Process(), network, addr)
		if err != nil {
			testproc.Say("%s: %v", arg, err)
			continue
		}
		testproc.Say("%s: %s", arg, ln.Addr())
		go answer(ln, arg)
	}
	for fd := 3; fd <= 5; fd++ { // what a child would inherit
		flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0)
		if errno == 0 && flags&syscall.FD_CLOEXEC == 0 {
			testproc.Say("children inherit %d", fd)
		}
	}
	notes := ""
	for _, h := range lastly.Process().Report().Hooks {
		notes += h.Name + " [" + h.Note + "]; "
	}
	testproc.Say("%s", notes)
	testproc.Say("ready")
	<-time.After(time.Hour)
}

// sockets makes what systemd would: a TCP socket and a Unix one, and files of both.
func sockets(t *testing.T) (tcp, unix net.Listener, files [2]*os.File) {
	t.Helper()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	noError(t, err)
	unix, err = net.Listen("unix", socketPath(t))
	noError(t, err)
	unix.(*net.UnixListener).SetUnlinkOnClose(false)
	files[0], err = tcp.(*net.TCPListener).File()
	noError(t, err)
	files[1], err = unix.(*net.UnixListener).File()
	noError(t, err)
	t.Cleanup(func() {
		for _, f := range files {
			_ = f.Close()
		}
		_ = tcp.Close()
		_ = unix.Close()
	})
	return tcp, unix, files
}

// TestListenGivenByAddress: sockets of the same address are used in place of new ones, and the path stays after the end.
func TestListenGivenByAddress(t *testing.T) {
	t.Parallel()
	tcp, unix, files := sockets(t)
	byTCP, byUnix := "tcp,"+tcp.Addr().String(), "unix,"+unix.Addr().String()
	p := given(t, "web:admin:null", files[0], files[1], byTCP, byUnix, byUnix, "tcp,127.0.0.1:0")
	p.WaitLine("ready")
	r := p.Output()
	for _, line := range []string{byTCP + ": " + tcp.Addr().String(), byUnix + ": " + unix.Addr().String()} {
		if !testproc.HasLine(r, line) {
			t.Errorf("no line %q in\n%s", line, r)
		}
	}
	if !strings.Contains(r, byUnix+": lastly: listen on unix") || strings.Contains(r, "children inherit") {
		t.Errorf("a socket was used twice, or children inherit one:\n%s", r)
	}
	if !strings.Contains(r, "listener tcp "+tcp.Addr().String()+" [inherited: whoever gave the socket keeps it]") {
		t.Errorf("the plan is\n%s", r)
	}
	if got := answers("unix", unix.Addr().String()); got != byUnix {
		t.Errorf("%q answers", got)
	}
	if got := answers("tcp", tcp.Addr().String()); got != byTCP {
		t.Errorf("%q answers", got)
	}
	p.Signal(os.Kill)
	p.Wait()
	wantNames(t, filepath.Dir(unix.Addr().String()), "socket")
}

// TestListenGivenByName: each name is good for as many as there are; what is left is named.
func TestListenGivenByName(t *testing.T) {
	t.Parallel()
	tcp, unix, files := sockets(t)
	p := given(t, "web:web:null", files[0], files[1], "fd,web", "fd,web", "fd,web", "fd,null")
	p.WaitLine("ready")
	r := p.Output()
	for _, text := range []string{
		"fd,web: " + tcp.Addr().String() + "\n", "fd,web: " + unix.Addr().String() + "\n",
		`fd,web: lastly: listen on fd "web": no socket of that name is left; this process was given "web" (used already), "web" (used already), "null" (not listened on)`,
		`fd,null: lastly: listen on fd "null": no socket of that name`,
		"listener fd web [inherited",
	} {
		if !strings.Contains(r, text) {
			t.Errorf("no %q in\n%s", text, r)
		}
	}
	if strings.Contains(r, "children inherit") {
		t.Error(r)
	}
}

// TestListenGivenToAnother: LISTEN_PID of somebody else means nothing.
func TestListenGivenToAnother(t *testing.T) {
	t.Parallel()
	_, unix, files := sockets(t)
	p := testproc.Spec{
		Victim: "listen-given", Args: []string{"fd,web", "unix," + unix.Addr().String()}, Stdin: files[0],
		Wrap: []string{"sh", "-c", `exec 3<&0 0</dev/null; exec "$0" "$@"`},
		Env:  []string{"LISTEN_FDS=1", "LISTEN_PID=" + strconv.Itoa(os.Getpid()), "LISTEN_FDNAMES=web"},
	}.Start(t)
	p.WaitLine("ready")
	if r := p.Output(); !strings.Contains(r, "fd,web: lastly: listen on fd \"web\": this process was given no sockets") ||
		!strings.Contains(r, fmt.Sprintf("process %d (", os.Getpid())) {
		t.Error(r)
	}
}
