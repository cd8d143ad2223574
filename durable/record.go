package durable

import (
	"context"
	"fmt"
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
	struck  bool
}

// Update replaces the payload: what was not known before the thing existed, such as an id. When it returns nil, another
// process settles the new payload; on an error, the old one. The error wraps ErrStruck if the hook has run or was
// cancelled. It may be called from a hook.
func (r *Record[P]) Update(payload P) error {
	payload, text, err := r.kind.prepare(payload)
	if err != nil {
		return err
	}
	if err := checkUser(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.struck {
		return fmt.Errorf("lastly: kind %q: update: %w: its hook has run or was cancelled", r.kind.name, ErrStruck)
	}
	rec := r.rec
	rec.Payload = text
	ref, err := r.owner.Replace(r.ref, &rec)
	if err != nil {
		return fmt.Errorf("lastly: kind %q: update: %w", r.kind.name, err)
	}
	r.ref, r.rec, r.payload = ref, rec, payload
	return nil
}

// ID names the record for good, in this journal and everywhere: the idempotency key of its request, if it is one.
func (r *Record[P]) ID() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return recordID(r.owner.Owner(), r.rec.ID)
}

func (r *Record[P]) append() (err error) {
	r.owner, err = own.get()
	if err != nil {
		return err
	}
	r.ref, err = r.owner.Append(&r.rec)
	return err
}

// undo is the hook: it runs in this process.
func (r *Record[P]) undo(ctx context.Context) error {
	run := r.run
	if run == nil {
		r.mu.Lock()
		payload := r.payload
		key := recordID(r.owner.Owner(), r.rec.ID)
		r.mu.Unlock()
		run = func(ctx context.Context) error { return r.kind.settle(withKey(ctx, key), payload) }
	}
	if err := run(ctx); err != nil {
		return err
	}
	return r.strike()
}

// strike takes the record out of the journal.
func (r *Record[P]) strike() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.struck {
		return nil
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

// Canceled is for package lastly: the handle was cancelled.
func (r *Record[P]) Canceled() {
	if err := r.strike(); err != nil {
		currentSettings().logger().Error("lastly: a cancelled record could not be struck", "error", err)
	}
}

// Note is for package lastly's report.
func (r *Record[P]) Note() string { return own.note() }

func recordID(o journal.Owner, id uint64) string { return fmt.Sprintf("%x-%d", o.ID, id) }

// keyOf is the context key of the record's id, for kinds that need it.
type keyOf struct{}

func withKey(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, keyOf{}, key)
}

func keyFrom(ctx context.Context) string {
	key, _ := ctx.Value(keyOf{}).(string)
	return key
}
