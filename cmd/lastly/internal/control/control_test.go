//go:build unix

package control_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/cmd/lastly/internal/control"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/testproc"
)

func TestMain(m *testing.M) {
	durable.Init()
	os.Exit(testproc.OwnFolder(func() int {
		return testproc.Main(m, testproc.Victims{"run": run, "ask": ask})
	}))
}

// run is a process with a scope that is asked over its socket.
func run(args []string) {
	lastly.Main(func(ctx context.Context) error {
		v, err := control.Serve(lastly.Process(), args[0], control.Options{})
		if err != nil {
			return err
		}
		testproc.Say("ready %s", v.Path())
		<-ctx.Done()
		return nil
	})
}

// ask asks as another user.
func ask(args []string) {
	if err := syscall.Setuid(65534); err != nil {
		panic(err)
	}
	_, err := control.Dial(args[0])
	testproc.Say("%v", errors.Is(err, control.ErrOtherUser))
}

// serve starts a server on a scope that the test closes, or its end.
func serve(t *testing.T) (*lastly.Scope, *control.Server) {
	t.Helper()
	s := &lastly.Scope{Name: t.Name()}
	v, err := control.Serve(s, "", control.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, v
}

func dial(t *testing.T, path string) *control.Client {
	t.Helper()
	c, err := control.Dial(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func do(t *testing.T, c *control.Client, r control.Request) control.Answer {
	t.Helper()
	a, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func remove(path string) control.Request {
	return control.Request{Op: control.OpAdd, Kind: control.KindRemove, Payload: control.Remove{Path: path}}
}

func file(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func gone(path string) bool {
	_, err := os.Lstat(path)
	return os.IsNotExist(err)
}

// TestAdd: what is added is undone when the scope closes, the newest first, and the socket is gone.
func TestAdd(t *testing.T) {
	s, v := serve(t)
	log := filepath.Join(t.TempDir(), "log")
	c := dial(t, v.Path())
	for _, word := range []string{"a", "b"} {
		a := do(t, c, control.Request{
			Op: control.OpAdd, Kind: control.KindExec, Name: word,
			Payload: durable.Command{Args: []string{"sh", "-c", "echo " + word + " >> " + log}, Dir: t.TempDir()},
		})
		if a.ID == "" {
			t.Fatal("no id")
		}
	}
	path := file(t)
	do(t, c, remove(path))
	if got := do(t, c, control.Request{Op: control.OpList}).Records; len(got) != 3 || got[2].Kind != "remove" || got[2].Text != path {
		t.Errorf("list: %+v", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(log); string(text) != "b\na\n" {
		t.Errorf("the log is %q, want b, then a", text)
	}
	if !gone(path) || !gone(v.Path()) {
		t.Error("the file or the socket is left")
	}
}

// TestTime: the server knows how long what was added may take in all, without what was taken back.
func TestTime(t *testing.T) {
	_, v := serve(t)
	c := dial(t, v.Path())
	r := remove(file(t))
	do(t, c, r)
	r.Timeout = time.Minute
	do(t, c, r)
	id := do(t, c, r).ID
	do(t, c, control.Request{Op: control.OpCancel, ID: id})
	if got := v.Time(); got != time.Minute {
		t.Errorf("%v", got)
	}
	r.Timeout = math.MaxInt64
	do(t, c, r)
	do(t, c, r)
	if got := v.Time(); got < time.Minute || got+24*time.Hour < got {
		t.Errorf("%v, to which nothing can be added", got)
	}
}

// TestFirst: what has to come before the first that is added is tried until it succeeds, and then no more.
func TestFirst(t *testing.T) {
	s := &lastly.Scope{Name: t.Name()}
	t.Cleanup(func() { _ = s.Close() })
	calls := 0
	v, err := control.Serve(s, "", control.Options{First: func() error {
		if calls++; calls == 1 {
			return errors.New("no room")
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, v.Path())
	do(t, c, control.Request{Op: control.OpPing})
	if _, err := c.Do(remove(file(t))); err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("got %v", err)
	}
	do(t, c, remove(file(t)))
	do(t, c, remove(file(t)))
	if calls != 2 {
		t.Errorf("%d calls, want 2", calls)
	}
}

// TestUses: names, Last and timeouts get to the scope.
func TestUses(t *testing.T) {
	s, v := serve(t)
	r := remove(file(t))
	r.Name, r.Uses, r.Last, r.Timeout = "x", []string{"y", "z"}, true, time.Minute
	do(t, dial(t, v.Path()), r)
	for _, h := range s.Report().Hooks {
		if h.Name == "x" {
			if fmt.Sprint(h.Uses) != "[y z]" || !h.Last || h.Timeout != time.Minute || h.Kind != "durable" {
				t.Errorf("the hook is %+v", h)
			}
			return
		}
	}
	t.Error("there is no hook x")
}

// TestEnd: cancel leaves the thing, settle undoes it at once; by id, by a part of it, and by name.
func TestEnd(t *testing.T) {
	s, v := serve(t)
	c := dial(t, v.Path())
	byID, byPart, named1, named2 := file(t), file(t), file(t), file(t)
	id := do(t, c, remove(byID)).ID
	if got := do(t, c, control.Request{Op: control.OpCancel, ID: id}).Records; len(got) != 1 || got[0].Error != "" {
		t.Errorf("cancel: %+v", got)
	}
	owner, number, _ := strings.Cut(do(t, c, remove(byPart)).ID, "-")
	do(t, c, control.Request{Op: control.OpSettle, ID: owner[:6] + "-" + number})
	if !gone(byPart) {
		t.Error("settle left the file")
	}
	for _, path := range []string{named1, named2} {
		r := remove(path)
		r.Name = "pair"
		do(t, c, r)
	}
	if got := do(t, c, control.Request{Op: control.OpSettle, Name: "pair"}).Records; len(got) != 2 || got[0].Text != named2 {
		t.Errorf("settle by name: %+v, want both, the newest first", got)
	}
	if _, err := c.Do(control.Request{Op: control.OpCancel, ID: id}); !errors.Is(err, control.ErrUnknown) || !strings.Contains(err.Error(), id) {
		t.Errorf("cancelled twice: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if gone(byID) || !gone(named1) || !gone(named2) {
		t.Error("what was cancelled is gone, or what was settled is there")
	}
}

// TestRefused: each refusal says why, and registers nothing.
func TestRefused(t *testing.T) {
	s, v := serve(t)
	c := dial(t, v.Path())
	before := len(s.Report().Hooks)
	for want, r := range map[string]control.Request{
		"is not absolute":    remove("x"),
		"refused":            remove("/"),
		"no operation":       {Op: "what"},
		"no kind":            {Op: control.OpAdd, Kind: "what"},
		"can't be negative":  {Op: control.OpAdd, Kind: control.KindRemove, Timeout: -1},
		"unknown field":      {Op: control.OpAdd, Kind: control.KindRemove, Payload: map[string]int{"pat": 1}},
		"itself":             {Op: control.OpAdd, Kind: control.KindKill, Payload: control.Kill{Pid: os.Getpid()}},
		"something and noth": {Op: control.OpAdd, Kind: control.KindExec, Uses: []string{"a"}, Alone: true},
	} {
		if _, err := c.Do(r); !errors.Is(err, control.ErrRefused) || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", r, err, want)
		}
	}
	if after := len(s.Report().Hooks); after > before+1 { // the socket's file
		t.Errorf("%d hooks became %d", before, after)
	}
}

// TestMany: a hundred at once.
func TestMany(t *testing.T) {
	s, v := serve(t)
	var wg sync.WaitGroup
	paths := make([]string, 100)
	for i := range paths {
		paths[i] = file(t)
		wg.Go(func() { // ends with its answer
			c, err := control.Dial(v.Path())
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			if _, err := c.Do(remove(paths[i])); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if !gone(path) {
			t.Error("left:", path)
		}
	}
}

// TestLate: what is added while the scope closes is undone in the same flow.
func TestLate(t *testing.T) {
	s, v := serve(t)
	path := file(t)
	s.Defer("late", func(context.Context) error {
		c, err := control.Dial(v.Path())
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.Do(remove(path))
		return err
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if !gone(path) {
		t.Error("the file is left")
	}
}

// TestIdle: a connection that asks nothing does not keep the scope from closing.
func TestIdle(t *testing.T) {
	s, v := serve(t)
	s.HookTimeout = time.Second
	do(t, dial(t, v.Path()), control.Request{Op: control.OpPing})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
