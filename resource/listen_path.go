package resource

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/edge"
	"github.com/lastly-go/lastly/internal/filelock"
	"github.com/lastly-go/lastly/internal/pathid"
	"github.com/lastly-go/lastly/internal/seam"
)

// maxSocketPath is sun_path without the NUL at its end.
const maxSocketPath = len(syscall.RawSockaddrUnix{}.Path) - 1

const (
	stalePatience = 200 * time.Millisecond // for the guard of the dead owner, whose record it is
	staleLook     = 5 * time.Millisecond
	folderLimit   = 5 * time.Second // for others that listen in the same folder, each for a moment
)

func listenUnix(s *lastly.Scope, network, addr string, site uintptr) (net.Listener, error) {
	switch {
	case addr == "":
		return nil, errors.New("the address is empty; give a path, or on Linux a name that begins with @")
	case len(addr) > maxSocketPath:
		return nil, fmt.Errorf("the path has %d bytes, and that of a socket may have %d; choose a shorter one, or one that is relative to the working folder",
			len(addr), maxSocketPath)
	case addr[0] == '@':
		ln, err := net.Listen(network, addr)
		if errors.Is(err, syscall.EADDRINUSE) {
			return nil, inUseBy(network, addr)
		} else if err != nil {
			return nil, advisedPath(err)
		}
		return owned(s, ln, lastly.Hook{Name: seam.ListenerName(network, addr)}, site)
	}
	path, err := filepath.Abs(addr) // a program may change its working folder
	if err != nil {
		return nil, err
	}
	k := &socket{network: network, addr: addr, path: path}
	for patient := time.Now().Add(stalePatience); ; {
		ln, err := k.attempt(s, site, time.Now().Before(patient))
		if ln != nil || err != nil {
			return ln, err
		}
		<-time.After(staleLook)
	}
}

// A socket is one that has a path.
type socket struct {
	network, addr string
	path          string // addr, absolute

	mu   sync.Mutex // guards what follows
	ln   *net.UnixListener
	id   pathid.ID   // of the file, when there is a listener
	file fs.FileInfo // its weaker identity
}

// attempt returns a listener, or nil without an error when it should be tried again soon. Nobody else who listens with
// this package is between looking and listening meanwhile: a socket that is bound and not yet listened on refuses, and
// looks as if its owner were dead. The lock is one of the folder, because the socket can't be opened, and a lock file of
// its own would have to stay for ever.
func (k *socket) attempt(s *lastly.Scope, site uintptr, patient bool) (net.Listener, error) {
	unlock, err := lockFolder(filepath.Dir(k.path))
	if err != nil {
		return nil, err
	}
	defer unlock()
	stale, err := k.look()
	switch {
	case err != nil:
		return nil, err
	case stale != nil && patient:
		return nil, nil
	case stale != nil:
		if err := stale.remove(context.Background()); errors.Is(err, pathid.ErrReplaced) {
			return nil, nil
		} else if err != nil {
			return nil, fmt.Errorf("replace the socket that a dead process left there: %w", err)
		}
	}
	return k.listen(s, site)
}

// lockFolder keeps others out that listen in the same folder. Where it can't be locked, nobody is kept out.
func lockFolder(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(dir, os.O_RDONLY|syscall.O_NONBLOCK, 0) // should it be a named pipe, that would wait for a writer
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w; make the folder first", err)
	case err != nil:
		return func() {}, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), folderLimit)
	defer cancel()
	if err := filelock.Lock(ctx, f); errors.Is(err, context.DeadlineExceeded) {
		_ = f.Close()
		return nil, fmt.Errorf("%w: somebody else has kept its folder locked for %v; look who: fuser %s", err, folderLimit, dir)
	}
	return func() { _ = f.Close() }, nil
}

// A socketFile is a socket as it was found or made.
type socketFile struct {
	path string
	id   pathid.ID
	file fs.FileInfo
}

// identify says which file is at the path.
func identify(path string) (*socketFile, error) {
	file, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	id, err := pathid.Capture(path)
	return &socketFile{path, id, file}, err
}

// remove removes it, and nothing that has taken its place. Where the system does not tell files apart well enough for a
// later process, it does for this one, which knows when it looked.
func (f *socketFile) remove(ctx context.Context) error {
	err := pathid.Remove(ctx, f.id, pathid.Options{})
	if !errors.Is(err, pathid.ErrUnverified) {
		return err
	}
	if now, err := os.Lstat(f.path); err != nil || !os.SameFile(now, f.file) {
		return nil
	}
	return os.Remove(f.path)
}

// look returns what a dead process left at the path; nil when the path is free. What lives there, or is no socket, is an
// error. Its identity is taken before it is asked, so that what is removed is what did not answer.
func (k *socket) look() (stale *socketFile, err error) {
	found, err := identify(k.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, advisedPath(err)
	case found.file.Mode().Type() != fs.ModeSocket:
		return nil, fmt.Errorf("%w: something is there that is no socket (%v), which is left alone; choose another path, or move it away",
			syscall.EADDRINUSE, found.file.Mode())
	}
	conn, err := net.DialTimeout(k.network, k.addr, time.Second)
	switch {
	case err == nil:
		_ = conn.Close()
		return nil, inUseBy(k.network, k.addr)
	case errors.Is(err, syscall.ECONNREFUSED):
		return found, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	return nil, fmt.Errorf("%w: whether somebody listens on the socket that is there can't be told (%w), so it is left alone; choose another path, or remove it by hand",
		syscall.EADDRINUSE, err)
}

// inUseBy names the process that listens on an address.
func inUseBy(network, addr string) error {
	who := "another process listens there"
	if conn, err := net.DialTimeout(network, addr, time.Second); err == nil {
		if pid, ok := peerOf(conn.(*net.UnixConn)); ok {
			who = "process " + pid + " listens there"
		}
		_ = conn.Close()
	}
	return fmt.Errorf("%w: %s; stop it, or choose another address", syscall.EADDRINUSE, who)
}

// listen binds the path, which is free. The record of it comes first: should this process die now, whatever this user has
// at the path is removed, unless another living process has a record of the same path; see durable.Remove.
func (k *socket) listen(s *lastly.Scope, site uintptr) (net.Listener, error) {
	h := lastly.Hook{Name: seam.ListenerName(k.network, k.addr), Run: k.undo}
	rec, err := registerDurable(durable.Remove, s, durable.Path{Path: k.path}, h, site)
	if err != nil {
		return nil, err
	}
	var ln *net.UnixListener
	if err = edge.At("resource.listen: registered"); err == nil {
		ln, err = net.ListenUnix(k.network, &net.UnixAddr{Name: k.addr, Net: k.network})
	}
	if err != nil { // whatever has the path was not made here
		rec.Cancel()
		if errors.Is(err, syscall.EADDRINUSE) { // by one that does not lock the folder
			return nil, inUseBy(k.network, k.addr)
		}
		return nil, advisedPath(err)
	}
	ln.SetUnlinkOnClose(false) // which would remove whatever has the path by then
	if err = edge.At("resource.listen: bound"); err == nil {
		err = k.made(ln)
	}
	if err == nil {
		err = rec.Update(durable.Path{Path: k.path})
	}
	if err != nil {
		_ = ln.Close() // perhaps its hook did
		return nil, undo(rec, k.path, err)
	}
	return &unixListener{ln, rec.Handle}, nil
}

// made says from when on the hook has something to undo.
func (k *socket) made(ln *net.UnixListener) error {
	f, err := identify(k.path)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ln, k.id, k.file = ln, f.id, f.file
	return nil
}

// undo removes the socket, and closes it then: so nobody ever finds it without an owner.
func (k *socket) undo(ctx context.Context) error {
	k.mu.Lock()
	ln, f := k.ln, socketFile{k.path, k.id, k.file}
	k.mu.Unlock()
	if ln == nil { // listen hears from Update that the record is struck
		return nil
	}
	err := f.remove(ctx)
	if err != nil {
		err = fmt.Errorf("remove %w", err)
	}
	return errors.Join(err, closeListener(ln))
}

// A unixListener is one whose Close also removes its socket and ends its registration.
type unixListener struct {
	*net.UnixListener
	handle *lastly.Handle
}

// Close implements net.Listener.
func (l *unixListener) Close() error { return l.handle.Run(context.Background()) }

// advisedPath is advised for a path.
func advisedPath(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	return fmt.Errorf("%w; its folder must exist, and be one that this user may write to", err)
}
