// Package batch turns many small writes into few large ones.
//
// Add hands a row to the worker and returns when the row is committed, never before: an acknowledgement is a promise.
// The worker commits when a batch is full or its first row has waited long enough. When its context ends it stops
// waiting and commits what is queued, so whoever stops it must first stop those who call Add.
package batch

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrStopped is returned by Add when the worker ended before the row was committed.
var ErrStopped = errors.New("batch: the worker has stopped")

const (
	maxRows = 64
	maxWait = 5 * time.Millisecond
	// drainTimeout bounds each of the last commits, whose context can't be the one that has just ended.
	drainTimeout = 5 * time.Second
)

// Worker batches rows of any type.
type Worker[T any] struct {
	commit  func(context.Context, []T) error
	queue   chan pending[T]
	stopped chan struct{}
}

// pending is a row and where its Add waits for the outcome.
type pending[T any] struct {
	row  T
	done chan error
}

// New returns a worker that writes through commit, which must take all rows or none. It does nothing before Run.
func New[T any](commit func(context.Context, []T) error) *Worker[T] {
	return &Worker[T]{
		commit:  commit,
		queue:   make(chan pending[T], maxRows),
		stopped: make(chan struct{}),
	}
}

// Add returns nil once row is committed. After any error, that of a ctx that ended included, the row may be committed
// or not.
func (w *Worker[T]) Add(ctx context.Context, row T) error {
	p := pending[T]{row: row, done: make(chan error, 1)}
	select {
	case w.queue <- p:
	case <-w.stopped:
		return ErrStopped
	case <-ctx.Done():
		return fmt.Errorf("batch: queue full: %w", context.Cause(ctx))
	}
	select {
	case err := <-p.done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("batch: waiting for the commit: %w", context.Cause(ctx))
	case <-w.stopped:
	}
	// Both may have happened, and select picks any: an outcome counts for more than the end.
	select {
	case err := <-p.done:
		return err
	default:
		return ErrStopped
	}
}

// Run writes batches until ctx ends, then what is still queued. A failed commit is the answer of the Adds concerned and
// does not end the worker. Run may be called once.
func (w *Worker[T]) Run(ctx context.Context) error {
	defer close(w.stopped)
	for {
		select {
		case first := <-w.queue:
			w.write(ctx, w.collect(ctx, first))
		case <-ctx.Done():
			w.drain(ctx)
			return nil
		}
	}
}

// collect fills up the batch that first began.
func (w *Worker[T]) collect(ctx context.Context, first pending[T]) []pending[T] {
	batch := []pending[T]{first}
	full := time.NewTimer(maxWait)
	defer full.Stop()
	for len(batch) < maxRows {
		select {
		case p := <-w.queue:
			batch = append(batch, p)
		case <-full.C:
			return batch
		case <-ctx.Done():
			return batch
		}
	}
	return batch
}

func (w *Worker[T]) drain(ctx context.Context) {
	for {
		select {
		case p := <-w.queue:
			w.write(ctx, w.collect(ctx, p))
		default:
			return
		}
	}
}

// write commits one batch and tells every Add concerned. It outlasts ctx: a batch that was begun is finished.
func (w *Worker[T]) write(ctx context.Context, batch []pending[T]) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	rows := make([]T, len(batch))
	for i, p := range batch {
		rows[i] = p.row
	}
	err := w.commit(ctx, rows)
	for _, p := range batch {
		p.done <- err
	}
}
