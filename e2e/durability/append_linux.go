package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"

	"github.com/lastly-go/lastly/e2e/durability/internal/bare"
	"github.com/lastly-go/lastly/e2e/internal/turns"
	"github.com/lastly-go/lastly/internal/journal"
)

// payload is what a record carries: 200 bytes.
func payload() []byte { return bytes.Repeat([]byte("n"), 200) }

// small is a record with a payload of 200 bytes that takes one slot: its names are short.
func small() *journal.Record {
	return &journal.Record{Kind: "K", Site: "main.go:42", Payload: payload()}
}

// ordinary is one with such names as programs have. It takes two slots.
func ordinary() *journal.Record {
	return &journal.Record{
		Kind: "lastly.Remove", Name: "upload", Site: "example.com/service/upload.go:42", Uses: []string{"database"},
		Scopes: []journal.Scope{{ID: 1, Name: "process"}, {ID: 9, Name: "request"}}, Position: 7, Payload: payload(),
	}
}

// A writer is a journal, and a bare file with its space.
type writer struct {
	journal *journal.Journal
	bare    *bare.File
}

// writer makes both. With sync, what is in the journal survives the loss of power.
func (l *lab) writer(sync bool) (*writer, error) {
	dir, err := l.folder("journal")
	if err != nil {
		return nil, err
	}
	w := &writer{}
	if w.bare, err = bare.New(filepath.Join(dir, "bare"), 2*l.sizes.batch*bare.SlotSize, sync); err != nil {
		return nil, err
	}
	w.journal, err = journal.Create(dir, journal.Owner{Program: "durability", Pid: os.Getpid(), UID: os.Getuid()}, journal.Options{Sync: sync})
	if err != nil {
		return nil, errors.Join(err, w.bare.Close())
	}
	return w, nil
}

func (w *writer) close() error { return errors.Join(w.journal.Remove(), w.bare.Close()) }

// appending appends a record n times and, when the clock has stopped, strikes what it appended.
func (w *writer) appending(r *journal.Record, n int) turns.Side {
	refs := make([]journal.Ref, 0, n)
	return func() (float64, error) {
		refs = refs[:0]
		took, err := turns.Each(n, func() error {
			ref, err := w.journal.Append(r)
			refs = append(refs, ref)
			return err
		})
		return took, errors.Join(err, w.strike(refs))
	}
}

// striking is the other way round.
func (w *writer) striking(r *journal.Record, n int) turns.Side {
	refs := make([]journal.Ref, n)
	return func() (float64, error) {
		for i := range refs {
			var err error
			if refs[i], err = w.journal.Append(r); err != nil {
				return 0, err
			}
		}
		i := 0
		return turns.Each(n, func() error {
			i++
			return w.journal.Strike(refs[i-1])
		})
	}
}

func (w *writer) strike(refs []journal.Ref) error {
	for _, ref := range refs {
		if err := w.journal.Strike(ref); err != nil {
			return err
		}
	}
	return nil
}

// sharing appends from several goroutines at once. The nanoseconds are those of wall time for each record.
func (w *writer) sharing(n, goroutines int) turns.Side {
	return func() (float64, error) {
		errs := make([]error, goroutines)
		refs := make([][]journal.Ref, goroutines)
		took, err := turns.Each(1, func() error {
			var wg sync.WaitGroup
			for g := range goroutines {
				wg.Go(func() {
					r := small()
					for i := g; i < n && errs[g] == nil; i += goroutines {
						var ref journal.Ref
						ref, errs[g] = w.journal.Append(r)
						refs[g] = append(refs[g], ref)
					}
				})
			}
			wg.Wait()
			return errors.Join(errs...)
		})
		for _, list := range refs {
			err = errors.Join(err, w.strike(list))
		}
		return took / float64(n), err
	}
}

// appendLines are about the journal alone.
func (l *lab) appendLines() ([]*line, func() error, error) {
	fast, err := l.writer(false)
	if err != nil {
		return nil, nil, err
	}
	safe, err := l.writer(true)
	if err != nil {
		return nil, nil, errors.Join(err, fast.close())
	}
	n, few := l.sizes.batch, l.sizes.syncs
	const together = 8
	return []*line{
		{
			work: "append a record with a payload of 200 B, one slot", unit: "× a pwrite of its 256 B", most: 1.1,
			figure: l.ratio(fast.appending(small(), n), fast.bare.Writing(1, n)),
		},
		{
			work: "append one with longer names, two slots", unit: "× a pwrite of its 512 B", most: 1.1,
			figure: l.ratio(fast.appending(ordinary(), n), fast.bare.Writing(2, n)),
		},
		{
			work: "append, safe from power loss", unit: "× a pwrite and an fdatasync", most: 1.2,
			figure: l.ratio(safe.appending(small(), few), safe.bare.Syncing(few)),
		},
		{
			work: "the same, each of 8 goroutines", unit: "× a pwrite and an fdatasync", most: 0.5,
			figure: l.ratio(safe.sharing(few*together, together), safe.bare.Syncing(few)),
		},
		{
			work: "strike a record", unit: "× a pwrite of 256 B",
			figure: l.ratio(fast.striking(small(), n), fast.bare.Writing(1, n)),
		},
	}, func() error { return errors.Join(fast.close(), safe.close()) }, nil
}
