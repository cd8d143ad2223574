package resource_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/edge"
	"github.com/lastly-go/lastly/internal/filelock"
	"github.com/lastly-go/lastly/internal/testproc"
	"github.com/lastly-go/lastly/resource"
)

var _ = addVictims(testproc.Victims{
	// lock-holder has the lock args[0]. Undoing what that protects takes until args[1] exists, and makes args[2].
	"lock-holder": func(args []string) {
		if err := resource.Lock(context.Background(), lastly.Process(), args[0]); err != nil {
			testproc.Say("%v", err)
			return
		}
		if len(args) > 1 {
			script := `while ! [ -e "$1" ]; do sleep 0.01; done; : > "$2"`
			cmd := durable.Command{Args: []string{"sh", "-c", script, "sh", args[1], args[2]}}
			if _, err := durable.Exec.Register(lastly.Process(), cmd, lastly.Hook{Name: "protected"}); err != nil {
				testproc.Say("%v", err)
				return
			}
		}
		testproc.Say("locked")
		<-time.After(time.Hour)
	},
})

// now is a context that lets Lock try once.
func now() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func wantHeld(t *testing.T, err error, texts ...string) *resource.HeldError {
	t.Helper()
	held, ok := errors.AsType[*resource.HeldError](err)
	if !ok {
		t.Fatalf("got %v, want a HeldError", err)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%q lacks %q", err, text)
		}
	}
	return held
}

func TestLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	var first, second lastly.Scope
	noError(t, resource.Lock(t.Context(), &first, path))
	_, file, line, _ := runtime.Caller(0)
	if h := first.Report().Hooks[0]; h.Name != "lock "+path || h.Site != siteAt(file, line-1) {
		t.Errorf("registered as %q at %s", h.Name, h.Site)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("%v, %v, want mode 0600", info.Mode(), err)
	}
	held := wantHeld(t, resource.Lock(now(), &second, path), path, "this very process", "close the scope on which it was locked")
	if h := held.Holder; held.Path != path || h.Pid != os.Getpid() || h.Program == "" || h.Host == "" || time.Since(h.Since) > time.Minute {
		t.Errorf("%+v", held)
	}
	if !errors.Is(held, context.Canceled) || len(second.Report().Hooks) != 0 {
		t.Errorf("error %v; %d hooks stay registered", held, len(second.Report().Hooks))
	}
	noError(t, first.Close())
	for range 20 { // it is free the moment the scope is closed, whatever the guard does
		var next lastly.Scope
		noError(t, resource.Lock(now(), &next, path))
		noError(t, next.Close())
	}
	if info, err := os.Stat(path); err != nil || info.Size() != 0 {
		t.Errorf("after the close: %v, %v, want an empty file", info, err)
	}
}

func siteAt(file string, line int) string { return file + ":" + strconv.Itoa(line) }

// TestLockNamesHolder: the holder is in the error, with what to do; so is why nobody waits any longer.
func TestLockNamesHolder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	p := testproc.Start(t, "lock-holder", path)
	p.WaitLine("locked")
	var s lastly.Scope
	errWhy := errors.New("dinner is ready")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 30*time.Millisecond, errWhy)
	defer cancel()
	err := resource.Lock(ctx, &s, path)
	self, _ := os.Executable()
	held := wantHeld(t, err, path, "process "+strconv.Itoa(p.Pid()), "("+filepath.Base(self)+")", "wait longer, or stop that process")
	if held.Holder.Pid != p.Pid() || !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, errWhy) {
		t.Errorf("%+v", held)
	}
	p.Signal(os.Kill)
	noError(t, resource.Lock(t.Context(), &s, path))
	noError(t, s.Close())
}

// TestLockAfterDeath: the next one is in when what the lock protected is undone, not when its holder is dead.
// Conformance 90 for a lock file.
func TestLockAfterDeath(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		testproc.Skip(t, "there are no guards here", "lock-holder")
	}
	dir := t.TempDir()
	path, proceed, undone := filepath.Join(dir, "lock"), filepath.Join(dir, "proceed"), filepath.Join(dir, "undone")
	p := testproc.Start(t, "lock-holder", path, proceed, undone)
	p.WaitLine("locked")
	p.Signal(os.Kill)
	p.Wait().Check(t, "signal killed")
	var s lastly.Scope
	for range 5 {
		wantHeld(t, resource.Lock(now(), &s, path), "process "+strconv.Itoa(p.Pid()), "it is gone, and what the lock protected is being undone")
	}
	noError(t, os.WriteFile(proceed, nil, 0o600))
	noError(t, resource.Lock(t.Context(), &s, path))
	if _, err := os.Stat(undone); err != nil {
		t.Errorf("locked before what the dead holder's lock protected was undone: %v", err)
	}
	noError(t, s.Close())
}

// TestLockWithoutGuard: where there is no guard, the lock is free at the death. A stale file is no obstacle: conformance 90.
func TestLockWithoutGuard(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	p := testproc.Spec{Victim: "lock-holder", Args: []string{path}, Env: []string{"LASTLY_GUARD=off"}}.Start(t)
	p.WaitLine("locked")
	p.Signal(os.Kill)
	p.Wait()
	if text, _ := os.ReadFile(path); !strings.Contains(string(text), strconv.Itoa(p.Pid())) {
		t.Errorf("the dead holder is not in the file: %q", text)
	}
	var s lastly.Scope
	noError(t, resource.Lock(now(), &s, path))
	noError(t, s.Close())
}

// TestLockContent: whatever is in the file, it can be locked; what is not Lock's own is not touched.
func TestLockContent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		content string
		ours    bool
	}{
		{"", true},
		{`{"lastl`, true}, // torn
		{`{"lastly":"lock","process":{"pid":`, true},
		{`{"lastly":"lock","process":{"pid":1},"program":"\u001b[31m"}` + "\n", true},
		{`{"lastly":"lock"` + strings.Repeat("x", 10000), true},
		{"4711\n", false},
		{"\x00", false},
		{strings.Repeat("\x00", 5000) + "a database", false},
		{`{"lastly":"love"}`, false},
	} {
		path := filepath.Join(t.TempDir(), "lock")
		noError(t, os.WriteFile(path, []byte(c.content), 0o600))
		var first, second lastly.Scope
		noError(t, resource.Lock(now(), &first, path))
		if c.ours {
			wantHeld(t, resource.Lock(now(), &second, path), "this very process")
		} else {
			held := wantHeld(t, resource.Lock(now(), &second, path), "did not say in the file who it is", "fuser "+path)
			if held.Holder != (resource.Holder{}) {
				t.Errorf("%.20q: holder %+v", c.content, held.Holder)
			}
		}
		noError(t, first.Close())
		if text, err := os.ReadFile(path); err != nil || !c.ours && string(text) != c.content {
			t.Errorf("%.20q: content %.20q, %v", c.content, text, err)
		}
	}
}

// TestLockForeignHolder: who locks without Lock keeps it out as well, and what stands in the file is not believed blindly.
func TestLockForeignHolder(t *testing.T) {
	t.Parallel()
	for content, text := range map[string]string{
		"": "did not say in the file who it is",
		`{"lastly":"lock","process":{"pid":4194999,"boot":"of long ago"},"program":"a\u001b[31mb","host":"far","since":"2026-01-02T03:04:05Z"}`: "process 4194999 (a[31mb) on far since 2026-01-02T03:04:05Z",
	} {
		path := filepath.Join(t.TempDir(), "lock")
		noError(t, os.WriteFile(path, []byte(content), 0o600))
		f := lockByHand(t, path)
		var s lastly.Scope
		wantHeld(t, resource.Lock(now(), &s, path), text)
		noError(t, errors.Join(filelock.Unlock(f), f.Close()))
		noError(t, resource.Lock(now(), &s, path))
		noError(t, s.Close())
	}
}

// lockByHand takes the lock as another program does.
func lockByHand(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	noError(t, err)
	t.Cleanup(func() {
		_ = filelock.Unlock(f) // a child that another test forks just now has the file, too
		_ = f.Close()
	})
	if ok, err := filelock.TryLock(f); err != nil || !ok {
		t.Fatalf("not locked: %v, %v", ok, err)
	}
	return f
}

// TestLockWaits: a waiter is in within 10 ms of the release, and leaves no goroutine behind when it gives up: the bubble
// would not end.
func TestLockWaits(t *testing.T) {
	t.Parallel()
	var warm lastly.Scope // a process's first record starts its guard, which must not be in a bubble
	noError(t, resource.Lock(now(), &warm, filepath.Join(t.TempDir(), "lock")))
	defer func() { noError(t, warm.Close()) }()
	path := filepath.Join(t.TempDir(), "lock")
	synctest.Test(t, func(t *testing.T) {
		for i := range 10 {
			f := lockByHand(t, path)
			var s lastly.Scope
			free := time.Now().Add(time.Second + time.Duration(i)*3700*time.Microsecond)
			time.AfterFunc(time.Until(free), func() {
				_ = filelock.Unlock(f)
				_ = f.Close()
			})
			err := resource.Lock(t.Context(), &s, path)
			if late := time.Since(free); err != nil || late < 0 || late > 10*time.Millisecond {
				t.Errorf("locked %v after the release, with %v", late, err)
			}
			noError(t, s.Close())
		}
	})
	synctest.Test(t, func(t *testing.T) {
		lockByHand(t, path)
		var s lastly.Scope
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		wantHeld(t, resource.Lock(ctx, &s, path))
		if took := time.Since(began); took < time.Minute || took > time.Minute+20*time.Millisecond {
			t.Errorf("gave up after %v", took)
		}
	})
	synctest.Test(t, func(t *testing.T) { // the scope above closes
		lockByHand(t, path)
		var s lastly.Scope
		child := s.Child(lastly.Hook{Name: "child"})
		release, err := s.Hold("the waiter")
		noError(t, err)
		broken := errors.New("broken")
		s.Go(lastly.Hook{Name: "go", Run: func(context.Context) error { time.Sleep(3 * time.Second); return broken }})
		began := time.Now()
		err = resource.Lock(context.Background(), child, path)
		release()
		if took := time.Since(began); !errors.Is(err, lastly.ErrClosing) || !errors.Is(err, broken) || took > 4*time.Second {
			t.Errorf("gave up after %v with %v", took, err)
		}
		wantHeld(t, err)
		<-s.Closed()
	})
}

// TestLockSurvivesRemoval: a waiter does not end with the lock of a file that was removed.
func TestLockSurvivesRemoval(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("a file that is open can't be replaced here")
	}
	path := filepath.Join(t.TempDir(), "lock")
	old := lockByHand(t, path)
	var s lastly.Scope
	got := make(chan error, 1)
	go func() { got <- resource.Lock(t.Context(), &s, path) }() // ends when the new file is unlocked
	f := lockByHand(t, path+".new")
	noError(t, os.Rename(path+".new", path))
	noError(t, old.Close())
	testproc.Linger(30 * time.Millisecond)
	select {
	case err := <-got:
		t.Fatalf("locked beside somebody else: %v", err)
	default:
	}
	noError(t, f.Close())
	noError(t, <-got)
	other, err := os.OpenFile(path, os.O_RDWR, 0)
	noError(t, err)
	if free, err := filelock.TryLock(other); free || err != nil {
		t.Errorf("the file at the path is not locked: %v", err)
	}
	_ = other.Close()
	noError(t, s.Close())
}

// TestLockReplacedMeanwhile: a file that is replaced between open and lock is not the one that others will lock.
func TestLockReplacedMeanwhile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a file that is open can't be replaced here")
	}
	path := filepath.Join(t.TempDir(), "lock")
	times := 0
	edge.Set(func(at string) error {
		if at == "resource.lock: opened" {
			if times++; times <= 3 {
				return os.Rename(put(t, path+".new", ""), path)
			}
		}
		return nil
	})
	t.Cleanup(func() { edge.Set(nil) })
	var s lastly.Scope
	noError(t, resource.Lock(now(), &s, path))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	noError(t, err)
	if free, err := filelock.TryLock(f); free || err != nil || times != 4 {
		t.Errorf("the file at the path is not locked, after %d tries (%v)", times, err)
	}
	_ = f.Close()
	noError(t, s.Close())
	broken := errors.New("broken")
	failAt(t, "resource.lock: opened", broken)
	wantError(t, resource.Lock(now(), &lastly.Scope{}, path), broken, path)
}

// TestLockRefuses: the error names the thing and what to do, and nothing stays registered.
func TestLockRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	readOnly := filepath.Join(dir, "read-only")
	noError(t, os.WriteFile(readOnly, nil, 0o400))
	for _, c := range []struct {
		path string
		is   error
		says string
	}{
		{"", nil, "the path is empty; name a file"},
		{dir, nil, "a plain one that this user may write"},
		{filepath.Join(dir, "missing", "lock"), fs.ErrNotExist, "its folder must exist"},
		{readOnly, fs.ErrPermission, "that this user may write"},
		{os.DevNull, fs.ErrInvalid, "no regular file"},
	} {
		if c.path == readOnly && os.Geteuid() == 0 || c.path == os.DevNull && runtime.GOOS == "windows" {
			continue
		}
		var s lastly.Scope
		err := resource.Lock(t.Context(), &s, c.path)
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), c.path) || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%q: error %v, want one that says %q", c.path, err, c.says)
		}
		if n := len(s.Report().Hooks); n != 0 {
			t.Errorf("%q: %d hooks stay registered", c.path, n)
		}
	}
	var s lastly.Scope
	noError(t, s.Close())
	path := filepath.Join(dir, "lock")
	if err := resource.Lock(t.Context(), &s, path); !errors.Is(err, lastly.ErrClosed) {
		t.Errorf("on a closed scope: %v", err)
	}
}
