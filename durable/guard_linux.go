package durable

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/lastly-go/lastly/internal/action"
	"github.com/lastly-go/lastly/internal/journal"
	"github.com/lastly-go/lastly/internal/standby"
)

// How a guard that died is replaced.
const (
	maxGuards    = 8                      // in a row; then the next start has to do
	firstPause   = 100 * time.Millisecond // before the third one; doubles
	goodGuard    = time.Minute            // one that lived so long begins a new row
	dismissLimit = 50 * time.Millisecond  // how long an exit waits to reap its guard
)

// A guard is the owner's side of the guard: the process that waits for this one's death.
type guard struct {
	settings Settings
	journal  *journal.Journal

	mu    sync.Mutex // guards what follows
	pid   int
	sock  *os.File
	locks map[uint64]int // descriptors that the guard holds too, by key
	err   error          // why there is none now
	told  bool           // that there was none, at the first registration
	done  bool           // dismissed
	ended chan struct{}  // closed when watch has ended
}

// startGuard starts the guard. An error is worth telling; why says in any case why there is none.
func startGuard(s Settings, j *journal.Journal) (g *guard, why string, err error) {
	switch {
	case !s.wantsGuard():
		return nil, "switched off", nil
	case os.Getpid() == 1:
		return nil, "as PID 1 it would die with this process", nil
	case secure() || os.Getuid() != os.Geteuid():
		return nil, "the program's effective user is not its real one", nil
	case !isProgram():
		return nil, "lastly is part of another program, which would run a second time", nil
	}
	g = &guard{settings: s, journal: j, locks: make(map[uint64]int), ended: make(chan struct{})}
	err = g.start()
	if err != nil {
		g.err, g.told = err, true
	}
	go g.watch(err) // ends when the guard is dismissed, or given up
	return g, "", err
}

// start runs this program's own image again, which waits in package standby. It does without package os, which would first
// try on a process of its own what pidfds can do here.
func (g *guard) start() (err error) {
	var opened []int
	defer func() {
		for _, fd := range opened {
			_ = syscall.Close(fd)
		}
		if err != nil {
			err = fmt.Errorf("start the guard: %w", err)
		}
	}()
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socketpair: %w", err)
	}
	opened = append(opened, ends[1])
	_ = syscall.SetNonblock(ends[0], true) // so that reading it blocks a goroutine, not a thread
	ours := os.NewFile(uintptr(ends[0]), "control socket of the guard")
	pid, err := g.fork(ends[1], &opened)
	if err != nil {
		_ = ours.Close()
		return err
	}
	g.adopt(pid, ours)
	return nil
}

// fork starts the process.
func (g *guard) fork(sock int, opened *[]int) (pid int, err error) {
	self, err := standby.PidfdOf(os.Getpid())
	if err != nil {
		return 0, fmt.Errorf("pidfd_open: %w", err)
	}
	*opened = append(*opened, self)
	null, err := syscall.Open(os.DevNull, syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("open %s: %w", os.DevNull, err)
	}
	*opened = append(*opened, null)
	in := uintptr(null)
	pid, err = syscall.ForkExec(selfImage, append([]string{standby.Name}, os.Args[min(1, len(os.Args)):]...), &syscall.ProcAttr{
		Dir:   "/",
		Env:   append(environ(), standby.Environment(os.Getpid(), int(g.settings.guardLimit().Milliseconds()), g.journal.Path())),
		Files: []uintptr{in, in, in, uintptr(sock), uintptr(self)},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return 0, fmt.Errorf("run %s: %w", selfImage, err)
	}
	return pid, nil
}

// adopt makes a process the guard, and hands it what a former one had.
func (g *guard) adopt(pid int, sock *os.File) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pid, g.sock, g.err = pid, sock, nil
	for key, fd := range g.locks {
		g.send(standby.Lock, key, fd)
	}
	if g.done {
		g.send(standby.Bye, 0, -1)
	}
}

// selfImage is this program also when its file was replaced or removed, as go run does.
const selfImage = "/proc/self/exe"

// environ is the environment, without what makes a process a guard, and without the marks by which another program would
// kill this one: its guard has to outlive it.
func environ() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, standby.Variable+"=") || strings.HasPrefix(v, action.MarkVariable+"=")
	})
}

// watch reaps the guard, and starts another one when it died or could not start: the first at once, then with pauses that
// double.
func (g *guard) watch(err error) {
	defer close(g.ended)
	for deaths := 0; ; {
		if err == nil {
			began := time.Now()
			if !g.reap() {
				return
			}
			if time.Since(began) >= goodGuard {
				deaths = 0
			}
			err = errors.New("it died")
			g.without(err)
		}
		if deaths++; deaths >= maxGuards {
			break
		}
		if deaths > 1 && !g.dismissed() {
			time.Sleep(firstPause << (deaths - 2))
		}
		if g.dismissed() {
			return
		}
		err = g.start()
	}
	err = fmt.Errorf("given up after %d in a row: %w", maxGuards, err)
	g.without(err)
	if !g.told {
		tellNoGuard(g.settings, err)
	}
}

// without notes that there is no guard, for now or for good.
func (g *guard) without(why error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.err = why
}

// reap returns when the guard is gone. Its end of the socket says so: somebody else in this process may wait for all
// children, and then the status is lost. It returns false when it can't know, because the program closes descriptors that
// are not its own: then the guard waits on, by its pidfd.
func (g *guard) reap() bool {
	g.mu.Lock()
	sock, pid := g.sock, g.pid
	g.mu.Unlock()
	_, err := sock.Read(make([]byte, 1)) // it never writes
	if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		return false
	}
	for { // it is dead or dying, and nobody else's child
		if _, err := syscall.Wait4(pid, nil, 0, nil); err != syscall.EINTR {
			break
		}
	}
	_ = sock.Close()
	return true
}

func (g *guard) dismissed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.done
}

func (g *guard) note() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil {
		return "no guard (" + g.err.Error() + "): the next start settles it"
	}
	return "guarded by process " + strconv.Itoa(g.pid)
}

// dismiss ends the guard: there is nothing left to settle.
func (g *guard) dismiss() {
	g.mu.Lock()
	g.done = true
	if g.err == nil {
		g.send(standby.Bye, 0, -1)
	}
	g.mu.Unlock()
	select {
	case <-g.ended:
	case <-time.After(dismissLimit):
	}
}

// hold hands a lock to the guard, which releases it only when the records above it are settled. This process keeps a
// duplicate of its own, for the next guard.
func (g *guard) hold(key uint64, fd int) {
	dup, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_DUPFD_CLOEXEC, 0)
	if errno != 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.locks[key] = int(dup)
	g.send(standby.Lock, key, int(dup))
}

func (g *guard) release(key uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if fd, ok := g.locks[key]; ok {
		_ = syscall.Close(fd)
		delete(g.locks, key)
		g.send(standby.Unlock, key, -1)
	}
}

// send never waits: a guard that does not read is as good as none. Called with the lock held.
func (g *guard) send(what byte, key uint64, fd int) {
	if g.sock == nil {
		return
	}
	message := binary.LittleEndian.AppendUint64([]byte{what}, key)
	var rights []byte
	if fd >= 0 {
		rights = syscall.UnixRights(fd)
	}
	conn, err := g.sock.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(s uintptr) {
		_ = syscall.Sendmsg(int(s), message, rights, nil, syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL)
	})
}
