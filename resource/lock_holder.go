package resource

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/lastly-go/lastly/internal/proc"
)

// A HeldError says that Lock gave up because somebody else has the lock.
type HeldError struct {
	Path   string // of the file, absolute
	Holder Holder // as far as it is known
	Err    error  // why Lock waited no longer: the context's error, or lastly.ErrClosing

	state holderState
}

// A Holder is the process that has a lock, as it wrote itself into the file. The zero Holder is unknown: who has the lock
// did not come through Lock, or has only just got it.
type Holder struct {
	Pid     int       // in its own PID namespace
	Program string    // the name of its executable
	Host    string    // the name of its host
	Since   time.Time // when it got the lock
}

type holderState int

const (
	holderUnknown holderState = iota // nothing is known of it, or not whether it lives
	holderAlive
	holderSelf
	holderGone
)

// Error names the holder and says what to do.
func (e *HeldError) Error() string {
	h := e.Holder
	who := fmt.Sprintf("process %d (%s) on %s since %s", h.Pid, h.Program, h.Host, h.Since.Format(time.RFC3339))
	advice := "wait longer, or stop that process"
	switch {
	case e.state == holderSelf:
		who = "this very process since " + h.Since.Format(time.RFC3339)
		advice = "close the scope on which it was locked before, or lock once"
	case e.state == holderGone:
		who = "what " + who + " left: it is gone, and what the lock protected is being undone, or a child has inherited it"
		advice = "wait longer, or look for it: fuser " + e.Path
	case h.Pid == 0:
		who = "a process that did not say in the file who it is"
		advice = "wait longer, or look for it: fuser " + e.Path
	}
	return fmt.Sprintf("lastly: lock %q: held by %s: %v; %s", e.Path, who, e.Err, advice)
}

// Unwrap returns Err.
func (e *HeldError) Unwrap() error { return e.Err }

// held makes the error. The file may be just about to change hands, so what makes no sense is read again a few times.
func held(path string, why error) *HeldError {
	e := &HeldError{Path: path, Err: why}
	for range 5 {
		e.Holder, e.state = readHolder(path)
		if e.Holder.Pid != 0 && e.state != holderGone {
			break
		}
		<-time.After(2 * time.Millisecond)
	}
	return e
}

// signature is the content of a lock file. Its first field tells it from the content of any other file.
type signature struct {
	Lastly  string    `json:"lastly"` // "lock"
	Process proc.ID   `json:"process"`
	Program string    `json:"program"`
	Host    string    `json:"host"`
	Since   time.Time `json:"since"`
}

const (
	signatureStart = `{"lastly":"lock"`
	maxSignature   = 4096
)

// sign writes into the file whose the lock is. That is a courtesy to whoever is kept out: a full disk, say, is no reason
// not to lock. Foreign content is left as it is: people lock files that they need.
func (l *fileLock) sign() {
	text, err := readSome(l.f)
	if err != nil || !isOurs(text) {
		return
	}
	self, err := proc.Self()
	if err != nil {
		self = proc.ID{Pid: os.Getpid()}
	}
	line, err := json.Marshal(signature{
		Lastly: "lock", Process: self, Program: programName(), Host: hostName(), Since: time.Now().Round(0),
	})
	if err != nil || l.f.Truncate(0) != nil {
		return
	}
	l.signed = true
	_, _ = l.f.WriteAt(append(line, '\n'), 0)
}

// isOurs reports whether the content may be replaced: it is Lock's, whole or torn, or there is none.
func isOurs(text []byte) bool {
	return bytes.HasPrefix(text, []byte(signatureStart)) || strings.HasPrefix(signatureStart, string(text))
}

// readHolder reads who has the lock. What is not a whole signature is nobody.
func readHolder(path string) (Holder, holderState) {
	f, err := os.Open(path)
	if err != nil {
		return Holder{}, holderUnknown
	}
	defer func() { _ = f.Close() }()
	text, err := readSome(f)
	var s signature
	if err != nil || json.Unmarshal(text, &s) != nil || s.Lastly != "lock" || s.Process.Pid <= 0 {
		return Holder{}, holderUnknown
	}
	return Holder{Pid: s.Process.Pid, Program: legible(s.Program), Host: legible(s.Host), Since: s.Since}, s.state()
}

func (s signature) state() holderState {
	if self, err := proc.Self(); err == nil && s.Process == self {
		return holderSelf
	}
	if s.Process.Boot != proc.BootID() && s.Host == hostName() {
		return holderGone // the machine was started again
	}
	switch s.Process.State("") {
	case proc.Alive:
		return holderAlive
	case proc.Gone:
		return holderGone
	default:
		return holderUnknown
	}
}

func readSome(f *os.File) ([]byte, error) {
	return io.ReadAll(io.NewSectionReader(f, 0, maxSignature))
}

// legible makes a text from a file fit for an error.
func legible(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
	if s == "" {
		return "unknown"
	}
	return s[:min(len(s), 128)]
}

func programName() string {
	path, err := os.Executable()
	if err != nil {
		path = os.Args[0]
	}
	return filepath.Base(path)
}

func hostName() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return name
}
