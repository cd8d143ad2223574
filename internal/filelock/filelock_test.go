package filelock_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lastly-go/lastly/internal/filelock"
	"github.com/lastly-go/lastly/internal/testproc"
)

func TestMain(m *testing.M) { os.Exit(testproc.Main(m, victims)) }

var victims = testproc.Victims{
	"holder": func(args []string) {
		f, err := os.OpenFile(args[0], os.O_RDWR, 0)
		if err != nil {
			testproc.Say("%v", err)
			return
		}
		a, err1 := filelock.TryLock(f)
		b, err2 := filelock.TrySettle(f)
		testproc.Say("has %v %v %v %v", a, b, err1, err2)
		<-time.After(time.Hour)
		runtime.KeepAlive(f)
	},
}

func file(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// try calls TryLock or TrySettle.
func try(t *testing.T, what func(*os.File) (bool, error), f *os.File, want bool) {
	t.Helper()
	if got, err := what(f); got != want || err != nil {
		t.Fatalf("got %v, %v, want %v", got, err, want)
	}
}

func closed(t *testing.T, f *os.File) {
	t.Helper()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// await is try after a close: a child that another test starts has the open file, too, until it executes something.
func await(t *testing.T, what func(*os.File) (bool, error), f *os.File) {
	t.Helper()
	var err error
	testproc.Poll(t, "the lock", func() (ok bool) {
		ok, err = what(f)
		return ok || err != nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestExclusive(t *testing.T) {
	t.Parallel()
	path := file(t)
	a, b := open(t, path), open(t, path)
	for _, lock := range []func(*os.File) (bool, error){filelock.TryLock, filelock.TrySettle} {
		try(t, lock, a, true)
		if runtime.GOOS != "windows" {
			try(t, lock, a, true)
		}
		try(t, lock, b, false)
		if runtime.GOOS != "linux" && runtime.GOOS != "windows" {
			return // the second lock is the first
		}
	}
	if err := filelock.Unlock(a); err != nil {
		t.Fatal(err)
	}
	try(t, filelock.TrySettle, b, false)
	try(t, filelock.TryLock, b, true)
	closed(t, a)
	await(t, filelock.TrySettle, b)
}

// TestIndependent: the owner has the first lock, the settler the second, in every combination.
func TestIndependent(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" && runtime.GOOS != "windows" {
		t.Skip("the two locks are one here")
	}
	path := file(t)
	owner, settler, other := open(t, path), open(t, path), open(t, path)
	try(t, filelock.TryLock, owner, true)
	try(t, filelock.TrySettle, settler, true)
	try(t, filelock.TryLock, other, false)
	try(t, filelock.TrySettle, other, false)
	try(t, filelock.TryLock, settler, false)
	if err := owner.Truncate(1 << 20); err != nil {
		t.Fatal(err)
	}
	try(t, filelock.TrySettle, owner, false)
	closed(t, settler)
	await(t, filelock.TrySettle, owner)
}

// TestDeath: both locks are free when their holder was killed, and not before.
func TestDeath(t *testing.T) {
	t.Parallel()
	path := file(t)
	p := testproc.Start(t, "holder", path)
	p.WaitLine("has true true <nil> <nil>")
	f := open(t, path)
	try(t, filelock.TryLock, f, false)
	try(t, filelock.TrySettle, f, false)
	got := make(chan error)
	go func() { got <- filelock.Lock(t.Context(), f) }() // ends with the victim
	p.Signal(os.Kill)
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	try(t, filelock.TrySettle, f, true)
}

func TestLockWaits(t *testing.T) {
	t.Parallel()
	for name, ctx := range map[string]context.Context{"polled": t.Context(), "blocked": context.Background()} {
		t.Run(name, func(t *testing.T) {
			path := file(t)
			a, b := open(t, path), open(t, path)
			try(t, filelock.TryLock, a, true)
			got := make(chan error, 1)
			go func() { got <- filelock.Lock(ctx, b) }() // ends when a is closed
			testproc.Linger(20 * time.Millisecond)
			select {
			case err := <-got:
				t.Fatal("did not wait:", err)
			default:
			}
			if err := a.Close(); err != nil {
				t.Fatal(err)
			}
			if err := <-got; err != nil {
				t.Fatal(err)
			}
			try(t, filelock.TryLock, open(t, path), false)
		})
	}
}

// TestLockGivesUp: the lock is not taken after the context has ended.
func TestLockGivesUp(t *testing.T) {
	t.Parallel()
	path := file(t)
	a, b := open(t, path), open(t, path)
	try(t, filelock.TryLock, a, true)
	errWhy := errors.New("why")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 30*time.Millisecond, errWhy)
	defer cancel()
	err := filelock.Lock(ctx, b)
	if !errors.Is(err, errWhy) || !strings.Contains(err.Error(), path) {
		t.Fatalf("error %v, want the context's cause, and the path", err)
	}
	if err := filelock.Unlock(a); err != nil {
		t.Fatal(err)
	}
	if err := filelock.Lock(ctx, b); !errors.Is(err, errWhy) {
		t.Fatalf("a context that has ended before: %v", err)
	}
	try(t, filelock.TryLock, open(t, path), true)
}

func TestClosed(t *testing.T) {
	t.Parallel()
	path := file(t)
	a, b := open(t, path), open(t, path)
	try(t, filelock.TryLock, a, true)
	got := make(chan error)
	go func() { got <- filelock.Lock(t.Context(), b) }() // ends when b is closed
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; !errors.Is(err, os.ErrClosed) {
		t.Errorf("Lock: %v", err)
	}
	_, err1 := filelock.TryLock(b)
	_, err2 := filelock.TrySettle(b)
	for _, err := range []error{err1, err2, filelock.Unlock(b)} {
		named, ok := errors.AsType[*fs.PathError](err)
		if !ok || !errors.Is(err, os.ErrClosed) || named.Path != path {
			t.Errorf("error %v, want os.ErrClosed with the path", err)
		}
	}
}

func TestManyWaiters(t *testing.T) {
	t.Parallel()
	path := file(t)
	var wg sync.WaitGroup
	inside := 0 // guarded by the file lock; the race detector can't see that, so it is a mutex for it, too
	var mu sync.Mutex
	for range 20 {
		f := open(t, path)
		wg.Go(func() { // ends when it had its turn
			if err := filelock.Lock(t.Context(), f); err != nil {
				t.Error(err)
				return
			}
			for _, d := range []int{1, -1} {
				mu.Lock()
				inside += d
				if inside > 1 {
					t.Error("two have the lock")
				}
				mu.Unlock()
			}
			if err := filelock.Unlock(f); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestSettleNeedsWrite(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("of OFD locks only")
	}
	f, err := os.Open(file(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if ok, err := filelock.TrySettle(f); ok || err == nil {
		t.Errorf("got %v, %v, want an error", ok, err)
	}
	try(t, filelock.TryLock, f, true)
}
