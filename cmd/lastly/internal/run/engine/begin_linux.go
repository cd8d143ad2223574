//go:build amd64 || arm64

package engine

import (
	"strconv"
	"syscall"

	"github.com/lastly-go/lastly/internal/early"
	"github.com/lastly-go/lastly/internal/standby"
)

// Begun is a command that runs already, for main to take over: somebody has connected to its socket. nil: none.
var Begun = begin()

// begin runs a plain command to its end, and the process with it. Everything out of the ordinary it leaves to main.
func begin() *Session {
	if standby.Due != nil { // a guard, which has the arguments of its owner
		return nil
	}
	args := arguments()
	if len(args) < 2 || args[1] != "run" {
		return nil
	}
	quitQuietly()
	o, err := Parse(args[2:])
	if err != nil || !o.Plain() {
		return nil
	}
	s := newSession(o)
	if err := s.beginWith(); err != nil {
		s.Unlisten()
		s.abandon()
		exitWith(err)
	}
	if s.Run() {
		return s
	}
	s.Unlisten()
	syscall.Exit(s.Code())
	return nil
}

// beginWith lets the inner process start while there is more to do.
func (s *Session) beginWith() error {
	if s.direct = s.Options.LetGo; !s.direct {
		if err := s.fork(); err != nil {
			return err
		}
	}
	if err := s.prepare(); err != nil {
		return err
	}
	s.listen()
	return s.Start()
}

func exitWith(err error) {
	Print(err.Error())
	code := CodeOwn
	if e, ok := err.(*StartError); ok { //nolint:errorlint // nobody wraps it
		code = e.Code
	}
	syscall.Exit(code)
}

// arguments are the process's, before package os has them.
func arguments() []string {
	args := split(string(early.ReadFile("/proc/self/cmdline")), 0)
	return args[:len(args)-1] // each ends with a NUL
}

// listen binds the socket of the run where package control would, if the folder of journals is there, and is as it has to be.
// If not, main makes it, at the first need of a flag; a run without any does without the socket.
func (s *Session) listen() {
	dir, why := folder()
	if s.NoSocket = why; why != "" {
		return
	}
	path := dir + "/run-" + strconv.Itoa(syscall.Getpid()) + "-" + s.socketName() + ".sock"
	bound := path
	if len(path) > mostPath { // a descriptor of the folder is a short way to it
		folder, err := syscall.Open(dir, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
		if err != nil {
			s.NoSocket = dir + ": " + err.Error()
			return
		}
		defer func() { _ = syscall.Close(folder) }()
		bound = "/proc/self/fd/" + strconv.Itoa(folder) + path[len(dir):]
	}
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		s.NoSocket = "make a socket: " + err.Error()
		return
	}
	_ = syscall.Fchmod(fd, 0o600) // the file gets the socket's mode
	if err = syscall.Bind(fd, &syscall.SockaddrUnix{Name: bound}); err == nil {
		err = syscall.Listen(fd, 128)
	}
	if err != nil {
		_ = syscall.Close(fd)
		s.NoSocket = "listen in " + dir + ": " + err.Error()
		return
	}
	s.Listener, s.Socket = fd, path
}

// mostPath is how long a socket's path may be.
const mostPath = 100

// socketName is what tells one socket from all others: the command's mark, by which a sweep finds the tree if both processes are
// killed, for a plain run is written down nowhere else. What is let go is nobody's.
func (s *Session) socketName() string {
	const short = 8
	if s.Options.LetGo {
		return s.Mark[:short]
	}
	return s.Mark
}

// Unlisten removes the socket that listen has made.
func (s *Session) Unlisten() {
	if s.Listener >= 0 {
		_ = syscall.Unlink(s.Socket)
	}
}

// folder is that of journals, by the rules of package durable, or why it can't be used.
func folder() (dir, why string) {
	dir, fallback := firstFolder()
	if !hasPrefix(dir, "/") {
		return "", dir + " is no absolute path; look at LASTLY_DIR"
	}
	var st syscall.Stat_t
	err := syscall.Lstat(dir, &st)
	if err == syscall.ENOENT {
		if err = makeFolder(dir); err != nil && fallback {
			dir = tempFolder()
			err = makeFolder(dir)
		}
		if err == nil {
			err = syscall.Lstat(dir, &st)
		}
	}
	switch {
	case err != nil:
		return "", dir + ": " + err.Error() + "; set LASTLY_DIR to a folder that this user can write to"
	case st.Mode&syscall.S_IFMT != syscall.S_IFDIR || int(st.Uid) != syscall.Geteuid() || st.Mode&0o022 != 0:
		return "", dir + " is no folder that only this user can write to; set LASTLY_DIR to one"
	}
	return dir, ""
}

func makeFolder(dir string) error {
	for i := 1; i <= len(dir); i++ {
		if i < len(dir) && dir[i] != '/' {
			continue
		}
		if err := syscall.Mkdir(dir[:i], 0o700); err != nil && err != syscall.EEXIST {
			return err
		}
	}
	return nil
}

// firstFolder is where journals are. With fallback, tempFolder will do as well.
func firstFolder() (dir string, fallback bool) {
	if dir, _ := syscall.Getenv("LASTLY_DIR"); dir != "" {
		return dir, false
	}
	if dir, _ := syscall.Getenv("STATE_DIRECTORY"); dir != "" {
		dir, _, _ = cut(dir, ':')
		return dir + "/lastly", false
	}
	if dir, _ := syscall.Getenv("XDG_STATE_HOME"); hasPrefix(dir, "/") {
		return dir + "/lastly", false
	}
	if syscall.Geteuid() == 0 {
		return "/var/lib/lastly", true
	}
	return tempFolder(), false
}

func tempFolder() string {
	temp, _ := syscall.Getenv("TMPDIR")
	if temp == "" {
		temp = "/tmp"
	}
	return temp + "/lastly-" + strconv.Itoa(syscall.Geteuid())
}
