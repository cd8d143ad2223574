package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
)

// Options are for Serve. The zero value is right.
type Options struct {
	Name string // of the server's hook; "" is "control socket"

	// Listener is one that is bound to the path already, with mode 0600: it is then used, and the server's to close. nil: Serve
	// makes one.
	Listener *net.UnixListener

	// Journaled says that there is a journal, or will be one in any case: so the socket may be in it from the start.
	Journaled bool

	// First is called before something is added, until it succeeds once. Its error is the answer. nil: nothing.
	First func() error
}

// A Server answers requests, and registers on its scope what they ask for.
type Server struct {
	scope *lastly.Scope
	path  string
	ln    *net.UnixListener

	all sync.WaitGroup // connections, and the loop that accepts them

	starting sync.Mutex   // held while first is called
	first    func() error // nil: it has succeeded

	mu      sync.Mutex // guards what follows; not held while something is registered or undone
	conns   map[*net.UnixConn]bool
	held    []*held // in the order of registration
	durable bool    // there is a record of the socket
	closed  bool
}

// A held is one record that was added here.
type held struct {
	Record

	timeout time.Duration // 0: the run's default
	handle  interface {
		Cancel() bool
		Run(ctx context.Context) error
	}
}

// Serve listens on a socket at path, with mode 0600, for the processes of this user. "" makes a new name in the folder of
// journals, where Find finds it; "@name" is one of Linux's abstract namespace, without a file. A path may be longer than
// sockets' paths can be (on Linux). It registers a hook on s which ends it: call it before all else is registered on s, so
// that it ends last, and what is added during the exit flow is undone in the same flow.
//
// The socket is removed by that hook, and once something was added also by durable; one that was left behind refuses
// connections. Errors: the folder is missing or not writable, the path is in use. On an error nothing is registered.
func Serve(s *lastly.Scope, path string, o Options) (*Server, error) {
	ln := o.Listener
	if ln == nil {
		var err error
		if ln, path, err = listen(path); err != nil {
			return nil, fmt.Errorf("lastly: control socket: %w", err)
		}
	}
	v := &Server{scope: s, path: path, ln: ln, first: o.First, conns: make(map[*net.UnixConn]bool)}
	v.all.Go(v.accept) // ends when the listener is closed
	name := o.Name
	if name == "" {
		name = "control socket"
	}
	s.Register(lastly.Hook{Name: name, Run: v.close, BestEffort: true})
	if o.Journaled {
		v.coverSocket()
	}
	return v, nil
}

// Path is where it listens: what LASTLY_RUN is set to.
func (v *Server) Path() string { return v.path }

// Time is what all that was added, and has a timeout of its own, may take at the end. It is no more than can be added to another time.
func (v *Server) Time() (total time.Duration) {
	const most = math.MaxInt64 / 2
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, h := range v.held {
		total += min(h.timeout, most-total)
	}
	return total
}

// begin is for the first that is added.
func (v *Server) begin() error {
	v.starting.Lock()
	defer v.starting.Unlock()
	if v.first != nil {
		if err := v.first(); err != nil {
			return err
		}
		v.first = nil
	}
	return nil
}

// Env is what the environment of a command needs, so that it can ask.
func (v *Server) Env() []string { return []string{RunVariable + "=" + v.path} }

// acceptPause is how long to wait when a connection can't be accepted.
const acceptPause = 10 * time.Millisecond

// accept serves until the listener is closed.
func (v *Server) accept() {
	for {
		conn, err := v.ln.AcceptUnix()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			<-time.After(acceptPause) // no descriptors are left, perhaps; who asks is still in the queue
			continue
		}
		if !v.enter(conn) {
			_ = conn.Close()
			return
		}
		v.all.Go(func() { v.serve(conn) }) // ends with the connection, which close closes
	}
}

func (v *Server) enter(conn *net.UnixConn) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.closed {
		v.conns[conn] = true
	}
	return !v.closed
}

func (v *Server) leave(conn *net.UnixConn) {
	v.mu.Lock()
	delete(v.conns, conn)
	v.mu.Unlock()
	_ = conn.Close()
}

// close is the server's hook. Requests that were read are answered, no others are read.
func (v *Server) close(ctx context.Context) error {
	v.mu.Lock()
	v.closed = true
	for conn := range v.conns {
		_ = conn.CloseRead()
	}
	v.mu.Unlock()
	err := v.ln.Close()
	v.unlink()
	ended := make(chan struct{})
	go func() { // ends when all connections have, which is when their requests have been carried out
		v.all.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		err = errors.Join(err, fmt.Errorf("a request is still being carried out: %w", ctx.Err()))
	}
	return err
}

// unlink removes the socket, which is ours: nobody else could bind to its path while we did.
func (v *Server) unlink() {
	if !strings.HasPrefix(v.path, "@") {
		_ = os.Remove(v.path)
	}
}

// maxLine is longer than any record can be.
const maxLine = 512 << 10

// serve answers the requests of one connection.
func (v *Server) serve(conn *net.UnixConn) {
	defer v.leave(conn)
	pid, err := checkPeer(conn)
	if err != nil {
		v.answer(conn, Answer{Error: err.Error()})
		return
	}
	lines := bufio.NewScanner(conn)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		if hungUp(conn) {
			return // it was told that nothing was done, or that it may be; nobody would have the id
		}
		if !v.answer(conn, v.handle(lines.Bytes(), pid)) {
			return
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		v.answer(conn, Answer{Error: fmt.Sprintf("the request has more than %d bytes; keep data in files, and their paths in requests", maxLine)})
	}
}

func (v *Server) answer(conn *net.UnixConn, a Answer) bool {
	text, err := json.Marshal(a)
	if err != nil {
		text, _ = json.Marshal(Answer{Error: err.Error()})
	}
	_, err = conn.Write(append(text, '\n'))
	return err == nil
}

// handle carries out one request.
func (v *Server) handle(line []byte, peer int) Answer {
	r, err := decodeRequest(line)
	if err != nil {
		return Answer{Error: fmt.Sprintf("the request is none: %v; use the lastly command of the same version", err)}
	}
	a := Answer{}
	switch r.Op {
	case OpAdd:
		a.ID, err = v.add(r, peer)
	case OpCancel:
		a.Records, err = v.end(r, cancel)
	case OpSettle:
		a.Records, err = v.end(r, settle)
	case OpList:
		a.Records = v.list()
	case OpPing:
		a.Pid, a.Owner = os.Getpid(), v.owner()
	default:
		err = fmt.Errorf("there is no operation %q; use the lastly command of the same version", r.Op)
	}
	if err != nil {
		a.Error, a.Unknown = err.Error(), errors.Is(err, ErrUnknown)
	}
	return a
}

func (v *Server) list() []Record {
	v.mu.Lock()
	defer v.mu.Unlock()
	records := make([]Record, len(v.held))
	for i, h := range v.held {
		records[i] = h.Record
	}
	return records
}

// owner is the name of this process's journal, as in the ids of its records; "" before the first one.
func (v *Server) owner() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.held) == 0 {
		return ""
	}
	owner, _, _ := strings.Cut(v.held[0].ID, "-")
	return owner
}

// coverSocket makes the socket go also when this process is killed. That takes a journal, and so it waits until there has to be
// one.
func (v *Server) coverSocket() {
	v.mu.Lock()
	done := v.durable || v.closed || strings.HasPrefix(v.path, "@")
	v.durable = true
	v.mu.Unlock()
	if done {
		return
	}
	here := func(context.Context) error { return nil } // the server's own hook removes it, later
	_, _ = durable.Remove.Register(v.scope, durable.Path{Path: v.path}, lastly.Hook{Name: "control socket's file", Run: here, BestEffort: true})
}
