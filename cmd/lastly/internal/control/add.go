package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
)

// A wireRequest is a Request whose payload waits for its kind.
type wireRequest struct {
	Request

	Payload json.RawMessage `json:"payload"`
}

func decodeRequest(line []byte) (r wireRequest, err error) {
	err = strictly(line, &r)
	return r, err
}

// strictly decodes JSON, and refuses what it does not know: a misspelt field would be an empty one.
func strictly(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if d.More() {
		return errors.New("there is more after it")
	}
	return nil
}

// add registers a durable record on the run's scope.
func (v *Server) add(r wireRequest, peer int) (id string, err error) {
	hook, err := hookOf(r)
	if err != nil {
		return "", err
	}
	if err := v.begin(); err != nil {
		return "", err
	}
	v.coverSocket()
	var h *held
	switch r.Kind {
	case KindRemove:
		var p Remove
		if err = strictly(r.Payload, &p); err == nil && !filepath.IsAbs(p.Path) {
			err = fmt.Errorf("the path %q is not absolute, and the run may be in another folder; give all of it", p.Path)
		}
		if err == nil {
			h, err = register(v, r.Kind, durable.Remove, durable.Path{Path: p.Path}, hook)
		}
	case KindKill:
		var p Kill
		if err = strictly(r.Payload, &p); err == nil {
			err = checkKill(p, r.Pid, peer)
		}
		if err == nil {
			h, err = register(v, r.Kind, durable.Kill, durable.Process{Pid: p.Pid, Group: p.Group, Grace: p.Grace}, hook)
		}
	case KindExec:
		var p durable.Command
		if err = strictly(r.Payload, &p); err == nil {
			h, err = register(v, r.Kind, durable.Exec, p, hook)
		}
	case KindHTTP:
		var p durable.Request
		if err = strictly(r.Payload, &p); err == nil {
			h, err = register(v, r.Kind, durable.HTTP, p, hook)
		}
	default:
		err = fmt.Errorf("there is no kind %q; there are remove, kill, exec and http", r.Kind)
	}
	if err != nil {
		return "", err
	}
	return h.ID, nil
}

func hookOf(r wireRequest) (lastly.Hook, error) {
	h := lastly.Hook{Name: r.Name, Uses: r.Uses, Last: r.Last, Timeout: r.Timeout}
	if r.Timeout < 0 {
		return h, fmt.Errorf("the timeout is %v, and can't be negative; 0 is the run's default", r.Timeout)
	}
	if r.Alone {
		if len(r.Uses) > 0 {
			return h, errors.New("it can't use something and nothing; leave one out")
		}
		h.Uses = lastly.Nothing
	}
	return h, nil
}

// checkKill refuses what a number can't mean here.
func checkKill(p Kill, self, peer int) error {
	switch {
	case p.Pid == os.Getpid():
		return fmt.Errorf("process %d is the run itself; end it with a signal", p.Pid)
	case self != 0 && peer != 0 && self != peer:
		return fmt.Errorf("it was asked for from another PID namespace (process %d there is %d here), where %d may be another process; register it from outside",
			self, peer, p.Pid)
	}
	return nil
}

// A payload is what all kinds' payloads have.
type payload interface{ String() string }

func register[P payload](v *Server, kind string, k *durable.Kind[P], p P, h lastly.Hook) (*held, error) {
	one := &held{Record: Record{Kind: kind, Name: h.Name, Text: p.String()}, timeout: h.Timeout}
	if h.Name == "" {
		h.Name = kind + " " + one.Text // what errors and reports call it
	}
	rec, err := k.Register(v.scope, p, h)
	if err != nil {
		return nil, err
	}
	one.ID, one.handle = rec.ID(), rec
	v.mu.Lock()
	defer v.mu.Unlock()
	v.held = append(v.held, one)
	return one, nil
}

// end takes the records that a request names out of the list, the newest first, and does something with each.
func (v *Server) end(r wireRequest, do func(*held) error) ([]Record, error) {
	found := v.take(r)
	if len(found) == 0 {
		return nil, v.unknown(r)
	}
	records := make([]Record, len(found))
	for i, h := range found {
		records[i] = h.Record
		if err := do(h); err != nil {
			records[i].Error = err.Error()
		}
	}
	return records, nil
}

// take removes what a request names. An id names one record; a name, all that bear it.
func (v *Server) take(r wireRequest) (found []*held) {
	v.mu.Lock()
	defer v.mu.Unlock()
	at := slices.IndexFunc(v.held, func(h *held) bool { return SameID(h.ID, r.ID) })
	v.held = slices.DeleteFunc(v.held, func(h *held) bool {
		named := at >= 0 && h == v.held[at] || at < 0 && r.Name != "" && h.Name == r.Name
		if named {
			found = append(found, h)
		}
		return named
	})
	slices.Reverse(found)
	return found
}

func (v *Server) unknown(r wireRequest) error {
	what := r.ID
	if what == "" {
		what = r.Name
	}
	return fmt.Errorf("%w with the id or name %q; `lastly list` shows what the run has (it may have been settled or cancelled already)", ErrUnknown, what)
}

func cancel(h *held) error {
	if !h.handle.Cancel() {
		return errors.New("it has run already, or is running")
	}
	return nil
}

// settle undoes it at once. The hook's own timeout bounds it.
func settle(h *held) error {
	return h.handle.Run(context.Background())
}

// leastPrefix is how much of an owner's id has to be given.
const leastPrefix = 4

// SameID reports whether a given text names a record: its id, or one with a shorter first part ("3fa9-7").
func SameID(id, given string) bool {
	owner, number, ok := strings.Cut(id, "-")
	prefix, wanted, both := strings.Cut(given, "-")
	return ok && both && number == wanted && len(prefix) >= leastPrefix && strings.HasPrefix(owner, prefix)
}
