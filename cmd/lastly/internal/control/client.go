package control

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// What Dial and Do fail with. Each comes wrapped, with what to do.
var (
	ErrNoRun     = errors.New("not inside of a run")
	ErrGone      = errors.New("the run is gone")
	ErrOtherUser = errors.New("another user's")
	ErrRefused   = errors.New("the run refused")
	ErrUnknown   = errors.New("there is no record")
)

// How long the run may take for an answer. To settle takes as long as the record's timeout.
const (
	answerLimit = 10 * time.Second
	settleLimit = 10 * time.Minute
)

// noSocketMark is in front of why a run has no socket, in LASTLY_RUN.
const noSocketMark = "!"

// A Client is a connection to a run. It is not safe for concurrent use.
type Client struct {
	path string
	conn *net.UnixConn
	in   *bufio.Reader
}

// Dial connects to the run with the socket at path; "" is the one that LASTLY_RUN names.
func Dial(path string) (*Client, error) {
	if path == "" {
		path = os.Getenv(RunVariable)
	}
	if path == "" {
		return nil, fmt.Errorf("%w: %s is not set; start what registers with `lastly run -- CMD`, or say which run with --owner (`lastly list` shows them)", ErrNoRun, RunVariable)
	}
	if why, none := strings.CutPrefix(path, noSocketMark); none {
		return nil, fmt.Errorf("%w that takes anything: it could make no socket: %s; then start it anew", ErrNoRun, why)
	}
	conn, err := dial(path)
	if err != nil {
		return nil, unreachable(path, err)
	}
	if _, err := checkPeer(conn); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return &Client{path: path, conn: conn, in: bufio.NewReader(conn)}, nil
}

func unreachable(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%w: nobody listens at %s; what it had registered was undone, or `lastly sweep` does it; start anew with `lastly run -- CMD`", ErrGone, path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("the run at %s is %w, or out of reach for this one; ask as the user who started it", path, ErrOtherUser)
	}
	return fmt.Errorf("reach the run at %s: %w; `lastly list` shows which runs there are", path, err)
}

// otherUser is the error about who is at the other end.
func otherUser(uid int) error {
	return fmt.Errorf("the process at the other end is %w (%d, this one is %d); run lastly as the user of the run", ErrOtherUser, uid, os.Geteuid())
}

// Close ends the connection.
func (c *Client) Close() error { return c.conn.Close() }

// Do asks for one thing and returns the answer. The error wraps ErrRefused, or ErrUnknown, if the run answered with one, which
// changed nothing, and ErrGone if the run ended meanwhile.
func (c *Client) Do(r Request) (Answer, error) {
	r.Pid = os.Getpid()
	text, err := json.Marshal(r)
	if err != nil {
		return Answer{}, err
	}
	limit := answerLimit
	if r.Op == OpSettle {
		limit = settleLimit
	}
	_ = c.conn.SetDeadline(time.Now().Add(limit))
	_, sent := c.conn.Write(append(text, '\n'))
	// The run may have refused the connection with an answer, and closed it.
	line, err := c.in.ReadBytes('\n')
	if err != nil {
		return Answer{}, c.cutOff(err, sent, limit)
	}
	var a Answer
	if err := json.Unmarshal(line, &a); err != nil {
		return a, fmt.Errorf("the answer of %s is none: %w; is it a socket of lastly, of this version?", c.path, err)
	}
	if a.Unknown {
		return a, fmt.Errorf("%w%s", ErrUnknown, strings.TrimPrefix(a.Error, ErrUnknown.Error()))
	}
	if a.Error != "" {
		return a, fmt.Errorf("%w: %s", ErrRefused, strings.TrimPrefix(a.Error, "lastly: "))
	}
	return a, nil
}

func (c *Client) cutOff(err, sent error, limit time.Duration) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("the run at %s did not answer in %v: it may be stopped, or the machine very busy; `lastly list` shows whether it was done", c.path, limit)
	}
	if sent != nil {
		err = sent
	}
	// Not wrapped: an EPIPE of this socket is none of stdout's, whose reader may have had enough.
	return fmt.Errorf("%w: it ended while it was asked (%s); `lastly list` shows whether it was done", ErrGone, err.Error())
}
