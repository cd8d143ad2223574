package batch

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
)

// database is a commit function that remembers.
type database struct {
	mu      sync.Mutex // guards what follows
	batches [][]int
	err     error
}

func (d *database) commit(_ context.Context, rows []int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil {
		d.batches = append(d.batches, slices.Clone(rows))
	}
	return d.err
}

func (d *database) rows() []int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(slices.Values(slices.Concat(d.batches...)))
}

// start runs w until the test calls stop, which returns when w has ended.
func start(t *testing.T, w *Worker[int]) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	return func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}

func TestAddReturnsAfterTheCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d database
		w := New(d.commit)
		stop := start(t, w)
		defer stop()
		begin := time.Now()
		if err := w.Add(t.Context(), 7); err != nil {
			t.Fatal(err)
		}
		if got := d.rows(); !slices.Equal(got, []int{7}) {
			t.Errorf("committed when Add returned: %v, want [7]", got)
		}
		if waited := time.Since(begin); waited != maxWait {
			t.Errorf("a lone row waited %v, want %v", waited, maxWait)
		}
	})
}

func TestFullBatchDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d database
		w := New(d.commit)
		begin := time.Now()
		var adds sync.WaitGroup
		for i := range 2 * maxRows {
			adds.Go(func() {
				if err := w.Add(t.Context(), i); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		stop := start(t, w)
		defer stop()
		adds.Wait()
		if waited := time.Since(begin); waited != 0 {
			t.Errorf("full batches waited %v", waited)
		}
		if n := len(d.batches); n != 2 {
			t.Errorf("%d rows went in %d batches, want 2", 2*maxRows, n)
		}
	})
}

func TestEndDrainsTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d database
		w := New(d.commit)
		const n = 3*maxRows + 1
		var adds sync.WaitGroup
		for i := range n {
			adds.Go(func() {
				if err := w.Add(t.Context(), i); err != nil {
					t.Errorf("Add(%d): %v", i, err)
				}
			})
		}
		synctest.Wait() // the queue is full, and more than it holds wait to get in
		start(t, w)()   // ends at once
		adds.Wait()
		if got := len(d.rows()); got != n {
			t.Errorf("%d of %d rows committed", got, n)
		}
	})
}

func TestFailedCommitIsTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("disk full")
		d := database{err: full}
		w := New(d.commit)
		stop := start(t, w)
		defer stop()
		if err := w.Add(t.Context(), 1); !errors.Is(err, full) {
			t.Errorf("Add: %v, want %v", err, full)
		}
		d.mu.Lock()
		d.err = nil
		d.mu.Unlock()
		if err := w.Add(t.Context(), 2); err != nil {
			t.Errorf("Add after a failed commit: %v", err)
		}
	})
}

func TestAddAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d database
		w := New(d.commit)
		start(t, w)()
		for range 2 * maxRows { // more than the queue holds
			if err := w.Add(t.Context(), 1); !errors.Is(err, ErrStopped) {
				t.Fatalf("Add: %v, want ErrStopped", err)
			}
		}
	})
}

func TestAddEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(new(database).commit) // nobody runs it
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for range maxRows + 1 {
			if err := w.Add(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("Add: %v, want the context's error", err)
			}
		}
	})
}

func TestHookDrainsBeforeTheStoreCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var scope lastly.Scope
		var d database
		w := Register(&scope, d.commit)
		var atClose []int
		// Registered after the worker that uses it: the name decides.
		lastly.DeferIn(&scope, "store", func() { atClose = d.rows() })

		added := make(chan error, 1)
		go func() { added <- w.Add(t.Context(), 7) }()
		synctest.Wait() // the row is queued, and its batch still open
		if err := scope.Close(); err != nil {
			t.Error(err)
		}
		if err := <-added; err != nil {
			t.Errorf("Add of a queued row: %v", err)
		}
		if !slices.Equal(atClose, []int{7}) {
			t.Errorf("committed when the store closed: %v, want [7]", atClose)
		}
	})
}
