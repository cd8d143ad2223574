package durable

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/journal"
)

// A Record is one journaled use of a kind. Its Handle cancels it, or runs it early; both strike the record.
type Record[P any] struct {
	*lastly.Handle

	kind *Kind[P]
	run  func(context.Context) error // nil: the kind's

	mu      sync.Mutex // guards what follows; held while the journal is written, never while foreign code runs
	payload P
	rec     journal.Record
	ref     journal.Ref
	owner   *journal.Journal
	updates int // how many
	struck  bool
}

// Update replaces the payload: what was not known before the thing existed, such as an id. When it returns nil, another
// process settles the new payload; on an error, the old one. The error wraps ErrStruck if the hook has run or was
// cancelled: what was made meanwhile is then yours to undo. While the kind's settle function runs, an Update makes it run
// once more, with the new payload. It may be called from a hook.
func (r *Record[P]) Update(payload P) error {
	if r.kind.opened != nil {
		return fmt.Errorf("lastly: kind %q: update: what it holds can't be changed; cancel the record and register another one", r.kind.name)
	}
	payload, text, err := r.kind.prepare(payload)
	if err != nil {
		return err
	}
	if err := checkUser(r.owner); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.struck {
		return fmt.Errorf("lastly: kind %q: update: %w: its hook has run or was cancelled; undo by hand what was made meanwhile", r.kind.name, ErrStruck)
	}
	rec := r.rec
	rec.Payload = text
	ref, err := r.owner.Replace(r.ref, &rec)
	if err != nil {
		return fmt.Errorf("lastly: kind %q: update: %w", r.kind.name, err)
	}
	r.ref, r.rec, r.payload = ref, rec, payload
	r.updates++
	return nil
}

// ID names the record for good, in this journal and everywhere: the idempotency key of its request, if it is one.
func (r *Record[P]) ID() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return recordID(r.owner.Owner(), r.rec.ID)
}

func (r *Record[P]) append() (err error) {
	for range 10 { // each is a journal that was removed, empty, at the end of a program, while this one asked for it
		if r.owner, err = own.get(); err != nil {
			return err
		}
		if r.ref, err = r.owner.Append(&r.rec); !errors.Is(err, os.ErrClosed) {
			return err
		}
	}
	return err
}

// undo is the hook: it runs in this process, until what it undid is what the record says.
func (r *Record[P]) undo(ctx context.Context) error {
	for {
		r.mu.Lock()
		payload, updates, key := r.payload, r.updates, recordID(r.owner.Owner(), r.rec.ID)
		r.mu.Unlock()
		if r.run != nil {
			if err := r.run(ctx); err != nil {
				return err
			}
			return r.strike(-1) // what it undid is its own business
		}
		if err := r.kind.settle(withKey(ctx, key), payload); err != nil {
			return err
		}
		if err := r.strike(updates); err != errUpdated { //nolint:errorlint // the very value
			return err
		}
	}
}

// errUpdated says that there is a newer payload than the one that was settled.
var errUpdated = errors.New("updated")

// strike takes the record out of the journal, unless it has had other than the given number of updates; -1 is any.
func (r *Record[P]) strike(updates int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.struck:
		return nil
	case updates >= 0 && updates != r.updates:
		return errUpdated
	}
	if err := r.owner.Strike(r.ref); err != nil {
		return fmt.Errorf("lastly: kind %q: strike the record: %w; it will be settled once more", r.kind.name, err)
	}
	r.struck = true
	if r.kind.closed != nil {
		r.kind.closed(r.payload)
	}
	var none P
	r.payload, r.rec.Payload = none, nil // they may be big, and the handle may be kept
	return nil
}

// A joint is what package lastly holds of a record.
type joint[P any] struct{ r *Record[P] }

// Canceled implements seam.Durable.
func (j joint[P]) Canceled() {
	if err := j.r.strike(-1); err != nil {
		currentSettings().logger().Error("lastly: a cancelled record could not be struck", "error", err)
	}
}

// Note implements seam.Durable.
func (j joint[P]) Note() string { return own.note() }

func recordID(o journal.Owner, id uint64) string {
	text := append(hex.AppendEncode(nil, o.ID[:]), '-')
	return string(strconv.AppendUint(text, id, 10))
}

// keyOf is the context key of the record's id, for kinds that need it.
type keyOf struct{}

func withKey(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, keyOf{}, key)
}

func keyFrom(ctx context.Context) string {
	key, _ := ctx.Value(keyOf{}).(string)
	return key
}
