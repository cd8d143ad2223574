package resource

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"syscall"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/seam"
)

// Listen listens on an address, and closes the listener at its place in the order of s. network is tcp, tcp4, tcp6, unix,
// unixpacket or fd; addr is as for net.Listen. To close it earlier is no error; an http.Server does. Unless it has a path, its
// hook stays all the same until the scope closes: make listeners that come and go on child scopes.
//
// The socket of a path is also removed, after any death: by Close, at its place, else by a guard or the next start, see
// package durable. A socket that a dead process has left at the path is replaced, after 200 ms for the guard of its owner
// to do so. One that answers is refused, with an error that names its process (on Linux) and wraps syscall.EADDRINUSE; for
// that, Listen connects to it once. What is not a socket is never removed. Instances that start at the same moment do not
// take a socket from each other: while one looks and listens, it holds a flock of the folder. Where a folder can't be
// locked or read (some network filesystems) that is not so. The socket is made with the umask that there is: put it into a
// folder of mode 0700 to keep others out. A path that begins with "@" is a name of Linux's abstract namespace, without a
// file.
//
// Sockets that the process was given by systemd, or by what speaks its protocol (LISTEN_PID, LISTEN_FDS), are used instead of
// new ones: one whose address is the same (":8080" is [::]:8080 or 0.0.0.0:8080), or with network "fd" the next one that
// has the name addr (FileDescriptorName, LISTEN_FDNAMES). Each is used once. They are closed as any other, and never
// removed. Children do not inherit them.
//
//	ln, err := resource.Listen(scope, "unix", "/run/app/app.sock")
//	ln, err := resource.Listen(scope, "fd", "http")
//
// Other errors: an address in use or not of this machine; a port that needs more rights; a path of more than 107 bytes
// (103 on macOS and the BSDs); a folder that does not exist; a name of no socket; no folder for the journal
// (durable.ErrFolder); a closed scope (lastly.ErrClosed). On an error nothing is registered and nothing is left. Listen
// may be called from a hook. A name, Uses or a timeout are those of a child:
// Listen(s.Child(lastly.Hook{Name: "port"}), "tcp", ":8080").
func Listen(s *lastly.Scope, network, addr string) (net.Listener, error) {
	ln, err := listen(s, network, addr, callerSite())
	if err != nil {
		return nil, fmt.Errorf("lastly: listen on %s %q: %w", network, addr, err)
	}
	return ln, nil
}

func listen(s *lastly.Scope, network, addr string, site uintptr) (net.Listener, error) {
	if err := checkOpen(s); err != nil {
		return nil, err
	}
	switch network {
	case "tcp", "tcp4", "tcp6", "unix", "unixpacket":
	case "fd":
		ln, err := inherited.named(addr)
		if err != nil {
			return nil, err
		}
		return owned(s, ln, lastly.Hook{Name: seam.ListenerName("fd", addr), Note: noteInherited}, site)
	default:
		return nil, errors.New("there is no such network here: use tcp, tcp4, tcp6, unix, unixpacket or fd")
	}
	if ln := inherited.at(network, addr); ln != nil {
		return owned(s, ln, lastly.Hook{Name: seam.ListenerName(network, addr), Note: noteInherited}, site)
	}
	if network == "unix" || network == "unixpacket" {
		return listenUnix(s, network, addr, site)
	}
	ln, err := net.Listen(network, addr)
	if err != nil {
		return nil, advised(err)
	}
	return owned(s, ln, lastly.Hook{Name: seam.ListenerName(network, ln.Addr().String())}, site)
}

func noteInherited() string { return "inherited: whoever gave the socket keeps it" }

// owned registers the close of a listener.
func owned(s *lastly.Scope, ln net.Listener, h lastly.Hook, site uintptr) (net.Listener, error) {
	var closed atomic.Bool
	h.Run = func(context.Context) error {
		closed.Store(true)
		return closeListener(ln)
	}
	register(s, h, site)
	if closed.Load() {
		return nil, fmt.Errorf("%w: it was closed meanwhile; use a scope that is open", lastly.ErrClosed)
	}
	return ln, nil
}

// closeListener closes what may be closed already.
func closeListener(ln net.Listener) error {
	if err := ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// advised adds what to do to an error of package net, and leaves out what Listen says itself.
func advised(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	advice := "give the address as host:port, such as :8080 or 127.0.0.1:0"
	_, lookup := errors.AsType[*net.DNSError](err)
	switch {
	case lookup:
		advice = "choose a name that this machine knows, an address, or none"
	case errors.Is(err, syscall.EADDRINUSE):
		advice = "this or another program has it, which ss -ltnp names: stop that, or choose another port; 0 is any free one"
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		advice = "ports below 1024 need CAP_NET_BIND_SERVICE, or a socket from systemd; choose another port"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		advice = "no interface of this machine has it; choose another address, or none"
	}
	return fmt.Errorf("%w; %s", err, advice)
}
