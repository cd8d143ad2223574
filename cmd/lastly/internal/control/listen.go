package control

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/lastly-go/lastly/internal/seam"
)

// Names of sockets in the folder of journals: the run's number, and something random, for PID namespaces may share the folder. Of a
// run that had nothing registered when it began, that is the mark of its processes.
const (
	socketPrefix = "run-"
	socketSuffix = ".sock"
)

// MarkOf is the mark in a socket's name; "" when there is none.
func MarkOf(path string) string {
	name := strings.TrimSuffix(filepath.Base(path), socketSuffix)
	_, mark, _ := strings.Cut(strings.TrimPrefix(name, socketPrefix), "-")
	if bytes, err := hex.DecodeString(mark); err != nil || len(bytes) != markBytes {
		return ""
	}
	return mark
}

const markBytes = 16

// NewPath returns a new name for a socket in the folder of journals, which it makes.
func NewPath() (string, error) {
	dir, err := seam.OfDurable.Folder(true)
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, socketPrefix+strconv.Itoa(os.Getpid())+"-"+rand.Text()[:8]+socketSuffix), nil
}

// Sockets are those of runs in a folder of journals, dead or alive; of one process, if pid is not 0.
func Sockets(dir string, pid int) []string {
	pattern := "*"
	if pid != 0 {
		pattern = strconv.Itoa(pid) + "-*"
	}
	entries, _ := os.ReadDir(dir)
	var paths []string
	for _, e := range entries {
		if ok, _ := filepath.Match(socketPrefix+pattern+socketSuffix, e.Name()); ok && e.Type() == os.ModeSocket {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths
}

func listen(path string) (*net.UnixListener, string, error) {
	if path == "" {
		var err error
		if path, err = NewPath(); err != nil {
			return nil, "", err
		}
	}
	if !strings.HasPrefix(path, "@") {
		var err error
		if path, err = filepath.Abs(path); err != nil {
			return nil, "", err
		}
	}
	ln, err := bind(path)
	if errors.Is(err, syscall.EADDRINUSE) && Dead(path) {
		_ = os.Remove(path)
		ln, err = bind(path)
	}
	if err != nil {
		return nil, "", advised(path, err)
	}
	if strings.HasPrefix(path, "@") {
		return ln, path, nil
	}
	ln.SetUnlinkOnClose(false) // its path may be a short way to the real one
	if err := os.Chmod(path, 0o600); err != nil {
		_ = ln.Close()
		_ = os.Remove(path)
		return nil, "", err
	}
	return ln, path, nil
}

func bind(path string) (*net.UnixListener, error) {
	short, done, err := shorten(path)
	if err != nil {
		return nil, err
	}
	defer done()
	return net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"})
}

// dial connects to a socket.
func dial(path string) (*net.UnixConn, error) {
	short, done, err := shorten(path)
	if err != nil {
		return nil, err
	}
	defer done()
	return net.DialUnix("unix", nil, &net.UnixAddr{Name: short, Net: "unix"})
}

// Dead reports whether a socket is there that nobody listens on any more.
func Dead(path string) bool {
	number, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(path), socketPrefix), "-")
	if pid, err := strconv.Atoi(number); err == nil && isLastly(pid) {
		return false
	}
	conn, err := dial(path)
	if err == nil {
		_ = conn.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// maxSocketPath is what fits into every system's sockaddr_un.
const maxSocketPath = 100

// shorten returns a path that fits, to be used until done is called: through a descriptor of the folder, where that can be
// named.
func shorten(path string) (short string, done func(), err error) {
	if len(path) <= maxSocketPath || strings.HasPrefix(path, "@") {
		return path, func() {}, nil
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, err
	}
	short = fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path))
	if len(short) > maxSocketPath {
		_ = dir.Close()
		return "", nil, fmt.Errorf("%s: a name of %d bytes is too long for a socket; choose a shorter one", path, len(filepath.Base(path)))
	}
	return short, func() { _ = dir.Close() }, nil
}

func advised(path string, err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	advice := "set LASTLY_DIR to a folder of this user"
	if errors.Is(err, syscall.EADDRINUSE) {
		advice = "another run listens there; choose another path"
	}
	return fmt.Errorf("listen on %s: %w; %s", path, err, advice)
}
