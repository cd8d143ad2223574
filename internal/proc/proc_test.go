package proc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly/internal/testproc"
)

func TestSelf(t *testing.T) {
	t.Parallel()
	id, err := Self()
	if err != nil {
		t.Fatal(err)
	}
	if id.Pid != os.Getpid() || id.Start == 0 {
		t.Errorf("%+v", id)
	}
	if s := id.State(HostID()); s != Alive {
		t.Errorf("state %v", s)
	}
	again, err := Self()
	if again != id || err != nil {
		t.Errorf("%+v, then %+v (%v)", id, again, err)
	}
	if err := hold(t, id).Signal(0); err != nil {
		t.Error(err)
	}
}

func TestStrictJSON(t *testing.T) {
	t.Parallel()
	id := ID{Pid: 1 << 22, Start: 1<<64 - 1, Boot: "b", Namespace: 4026531836, Inode: 1<<64 - 2}
	text, err := json.Marshal(id)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var got ID
	if err := decoder.Decode(&got); err != nil || got != id {
		t.Errorf("%s -> %+v, %v", text, got, err)
	}
}

func TestLife(t *testing.T) {
	t.Parallel()
	victim := testproc.Start(t, "hang")
	victim.WaitLine("hangs")
	id := of(t, victim.Pid())
	p := hold(t, id)
	if p.ID() != id {
		t.Errorf("%v, opened %v", id, p.ID())
	}
	if s := id.State(HostID()); s != Alive {
		t.Errorf("state %v", s)
	}
	if status, ok := p.ExitStatus(); ok {
		t.Errorf("it lives and has the status %d", status)
	}
	errWhy := errors.New("why")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, errWhy)
	defer cancel()
	if err := p.Wait(ctx); !errors.Is(err, errWhy) {
		t.Errorf("Wait: %v", err)
	}
	if err := p.Signal(syscall.SIGKILL); err != nil {
		t.Error(err)
	}
	if err := p.Wait(t.Context()); err != nil {
		t.Error(err)
	}
	victim.Wait()
	if err := p.Wait(ctx); err != nil {
		t.Errorf("Wait for what is gone, with a context that has ended: %v", err)
	}
	checkGone(t, p, id)
}

// checkGone checks what every function says of a process that is not there any more.
func checkGone(t *testing.T, p *Process, id ID) {
	t.Helper()
	if err := p.Signal(0); !errors.Is(err, ErrGone) {
		t.Errorf("Signal: %v", err)
	}
	if _, err := Open(id); !errors.Is(err, ErrGone) {
		t.Errorf("Open: %v", err)
	}
	if s := id.State(HostID()); s != Gone {
		t.Errorf("state %v", s)
	}
}

func TestState(t *testing.T) {
	t.Parallel()
	self, err := Self()
	if err != nil {
		t.Fatal(err)
	}
	gone := self
	gone.Start, gone.Inode = gone.Start-1, 0
	otherBoot, noBoot, otherSpace := self, self, self
	otherBoot.Boot, noBoot.Boot, otherSpace.Namespace = "another", "", self.Namespace+1
	otherState, otherErr, noState, noErr := Gone, ErrGone, Unknown, errBlurred
	if BootID() == "" { // Windows
		otherState, otherErr, noState, noErr = Unknown, errBlurred, Alive, nil
	}
	for name, c := range map[string]struct {
		id    ID
		host  string
		state State
		err   error
	}{
		"self":                       {self, HostID(), Alive, nil},
		"a predecessor":              {gone, HostID(), Gone, ErrGone},
		"another namespace":          {otherSpace, HostID(), Unknown, ErrElsewhere},
		"another boot":               {otherBoot, HostID(), otherState, otherErr},
		"another boot, another host": {otherBoot, "another", Unknown, otherErr},
		"another boot, no host":      {otherBoot, "", Unknown, otherErr},
		"an unknown boot":            {noBoot, HostID(), noState, noErr},
		"nobody":                     {ID{Boot: BootID(), Namespace: Namespace()}, HostID(), Unknown, nil},
	} {
		if s := c.id.State(c.host); s != c.state {
			t.Errorf("%s: state %v, want %v", name, s, c.state)
		}
		p, err := Open(c.id)
		if err == nil {
			_ = p.Close()
		}
		if c.err != nil && !errors.Is(err, c.err) || (err == nil) != (c.state == Alive) {
			t.Errorf("%s: Open: %v, want %v", name, err, c.err)
		}
	}
	if s := self.State("another"); BootID() != "" && s != Alive {
		t.Errorf("the same boot, said to be another host: %v", s)
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	victim := testproc.Start(t, "hang")
	p := hold(t, of(t, victim.Pid()))
	got := make(chan error)
	go func() { got <- p.Wait(context.Background()) }() // ends when p is closed
	testproc.Linger(5 * time.Millisecond)
	if err := errors.Join(p.Close(), p.Close()); err != nil {
		t.Error(err)
	}
	if err := <-got; !errors.Is(err, os.ErrClosed) {
		t.Errorf("Wait: %v", err)
	}
	if err := p.Signal(syscall.SIGKILL); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Signal: %v", err)
	}
	if fd := p.Fd(); fd != -1 {
		t.Errorf("Fd %d", fd)
	}
}

func TestNoProcess(t *testing.T) {
	t.Parallel()
	for _, pid := range []int{0, -1} {
		if _, err := Of(pid); err == nil || errors.Is(err, ErrGone) {
			t.Errorf("Of(%d): %v", pid, err)
		}
	}
	if _, err := Of(1<<22 + 1); !errors.Is(err, ErrGone) {
		t.Errorf("a number that can't be: %v", err)
	}
}

// TestSame: what is compared when one of two IDs knows less.
func TestSame(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b    ID
		same    bool
		blurred bool
	}{
		{ID{Start: 1, Inode: 5}, ID{Start: 1, Inode: 5}, true, false},
		{ID{Start: 1, Inode: 5}, ID{Start: 1, Inode: 6}, false, false}, // within one clock tick
		{ID{Start: 1, Inode: 5}, ID{Start: 2, Inode: 5}, true, false},  // seen from two time namespaces
		{ID{Start: 1, Inode: 5}, ID{Start: 1}, true, false},
		{ID{Start: 1, Inode: 5}, ID{Start: 2}, false, false},
		{ID{Start: 1}, ID{Start: 1}, true, false},
		{ID{Start: 1}, ID{Start: 2}, false, false},
		{ID{Inode: 5}, ID{Start: 1, Inode: 5}, true, false},
		{ID{Inode: 5}, ID{Start: 1}, false, true},
		{ID{Start: 1}, ID{Inode: 5}, false, true},
		{ID{}, ID{Start: 1, Inode: 5}, false, true},
	} {
		for _, pair := range [][2]ID{{c.a, c.b}, {c.b, c.a}} {
			same, err := pair[0].same(pair[1])
			if same != c.same || errors.Is(err, errBlurred) != c.blurred {
				t.Errorf("%+v: %v, %v", pair, same, err)
			}
		}
	}
}

func TestNotSecure(t *testing.T) {
	t.Parallel()
	if Secure() {
		t.Error("the tests run set-uid?")
	}
}
