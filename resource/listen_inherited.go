package resource

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// inherited are the sockets that this process was given at its start. It is one variable for the whole process because the
// descriptors are, and each can be taken once.
var inherited activation

// An activation is what the environment says of descriptors: see sd_listen_fds(3). The environment is left as it is:
// LISTEN_PID keeps children from taking it for theirs.
type activation struct {
	mu      sync.Mutex // guards what follows
	looked  bool
	sockets []inheritedSocket
}

type inheritedSocket struct {
	name string
	ln   net.Listener // nil when it was taken, or is not listened on
	addr net.Addr     // nil when it is not listened on
}

const (
	firstInherited = 3    // SD_LISTEN_FDS_START
	maxInherited   = 4096 // more is nonsense
)

// look takes over, at its first call, what the environment says. Called with the lock held.
func (a *activation) look() {
	if a.looked {
		return
	}
	a.looked = true
	if os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return
	}
	n, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil || n < 0 || n > maxInherited {
		return
	}
	names := strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
	for i := range n {
		k := inheritedSocket{name: "unknown"} // as sd_listen_fds_with_names(3) has it
		if i < len(names) && names[i] != "" {
			k.name = names[i]
		}
		if k.ln = inherit(firstInherited + i); k.ln != nil {
			k.addr = k.ln.Addr()
		}
		a.sockets = append(a.sockets, k)
	}
}

// named takes the next socket that has a name.
func (a *activation) named(name string) (net.Listener, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.look()
	var names []string
	for i := range a.sockets {
		k := &a.sockets[i]
		if k.name == name && k.ln != nil {
			return k.take(), nil
		}
		names = append(names, k.String())
	}
	if len(names) == 0 {
		return nil, errors.New("this process was given no sockets; start it by a socket unit of systemd (LISTEN_PID, LISTEN_FDS), with FileDescriptorName=" + name)
	}
	return nil, fmt.Errorf("no socket of that name is left; this process was given %s; use one of these names, each as often as it is there", strings.Join(names, ", "))
}

func (k *inheritedSocket) String() string {
	switch {
	case k.addr == nil:
		return fmt.Sprintf("%q (not listened on)", k.name)
	case k.ln == nil:
		return fmt.Sprintf("%q (used already)", k.name)
	}
	return fmt.Sprintf("%q", k.name)
}

func (k *inheritedSocket) take() net.Listener {
	ln := k.ln
	k.ln = nil
	return ln
}

// at takes the socket that listens on an address; nil if there is none.
func (a *activation) at(network, addr string) net.Listener {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.look()
	for i := range a.sockets {
		if k := &a.sockets[i]; k.ln != nil && listensOn(k.addr, network, addr) {
			return k.take()
		}
	}
	return nil
}

// listensOn reports whether a socket is what net.Listen would make of an address.
func listensOn(is net.Addr, network, addr string) bool {
	switch is := is.(type) {
	case *net.UnixAddr:
		if is.Net != network || addr == "" {
			return false
		}
		path, err := filepath.Abs(addr)
		return is.Name == addr || err == nil && addr[0] != '@' && filepath.Clean(is.Name) == path
	case *net.TCPAddr:
		if !strings.HasPrefix(network, "tcp") || network == "tcp4" && is.IP.To4() == nil || network == "tcp6" && is.IP.To4() != nil {
			return false
		}
		want, err := net.ResolveTCPAddr(network, addr)
		switch {
		case err != nil || want.Port == 0 || want.Port != is.Port:
			return false
		case want.IP == nil:
			return is.IP.IsUnspecified()
		}
		return want.IP.Equal(is.IP) && want.Zone == is.Zone
	}
	return false
}
