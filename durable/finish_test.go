package durable_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/journal"
	"github.com/lastly-go/lastly/internal/testproc"
)

var _ = addVictims(testproc.Victims{"runs-programs": runsProgramsVictim, "many-records": manyRecordsVictim})

// runsProgramsVictim is a process in which one Program follows another, while a scope that belongs to none of them gets
// records all the time. The end of a Program must not take the journal away under one of these.
func runsProgramsVictim([]string) {
	stop := make(chan struct{})
	var side sync.WaitGroup
	side.Go(func() {
		s := &lastly.Scope{}
		for n := 0; ; n++ {
			select {
			case <-stop:
				say("registered")
				return
			default:
			}
			r, err := noteKind.Register(s, note{}, lastly.Hook{Run: nothing})
			if err != nil {
				say("register: %v", err)
				return
			}
			if !journaled(r.ID()) {
				say("registered, but in no journal")
				return
			}
			r.Cancel()
		}
	})
	for range 300 {
		if code := (lastly.Program{}).Run(context.Background(), func(context.Context) error { return nil }); code != 0 {
			say("code %d", code)
		}
	}
	close(stop)
	side.Wait()
	lastly.Exit(0)
}

// journaled looks whether the journal of a record of this process is there. It is quick, to leave much time without a
// record.
func journaled(id string) bool {
	digits, _, _ := strings.Cut(id, "-")
	return exists(filepath.Join(os.Getenv("LASTLY_DIR"), strconv.Itoa(os.Getpid())+"-"+digits+journal.Suffix))
}

func TestRegisterWhileAProgramEnds(t *testing.T) {
	t.Parallel()
	s := newState(t)
	r := s.start("runs-programs").Wait()
	r.Check(t, "exit 0")
	if r.Out != "registered\n" {
		t.Error(r.Out)
	}
	s.waitEmpty()
}

// manyRecordsVictim: what is struck leaves nothing behind.
func manyRecordsVictim([]string) {
	s := &lastly.Scope{}
	sizes := make(map[int64]bool)
	for range 20_000 {
		mustNote(s, note{Line: "x"}, lastly.Hook{Run: nothing}).Cancel()
	}
	paths, _ := filepath.Glob(filepath.Join(os.Getenv("LASTLY_DIR"), "*"+journal.Suffix))
	for _, path := range paths {
		info, err := os.Stat(path)
		must(err)
		sizes[info.Size()] = true
	}
	say("%d hooks, sizes %v", len(s.Report().Hooks), sizes)
	lastly.Exit(0)
}

func TestManyRecordsLeaveNothing(t *testing.T) {
	t.Parallel()
	s := newState(t)
	r := s.start("many-records").Wait()
	r.Check(t, "exit 0")
	if r.Out != "0 hooks, sizes map[32768:true]\n" {
		t.Error(r.Out)
	}
}

// TestErrorsNameWhatToDo: each error says of what it speaks.
func TestErrorsNameWhatToDo(t *testing.T) {
	t.Parallel()
	s := &lastly.Scope{}
	_, err := durable.Remove.Register(s, durable.Path{}, lastly.Hook{})
	checkError(t, err, "lastly: remove: ")
	_, err = durable.Kill.Register(s, durable.Process{}, lastly.Hook{})
	checkError(t, err, "lastly: kill: ")
	_, err = durable.Kill.Register(s, durable.Process{Pid: os.Getpid()}, lastly.Hook{})
	checkError(t, err, "lastly: kill: ")
	_, err = durable.Exec.Register(s, durable.Command{Args: []string{"no such program of mine"}}, lastly.Hook{})
	checkError(t, err, "lastly: exec: ")
	_, err = durable.HTTP.Register(s, durable.Request{Method: "GET", URL: "ftp://x"}, lastly.Hook{})
	checkError(t, err, "lastly: http: ")
	_, err = durable.Lock.Register(s, durable.LockedFile{}, lastly.Hook{})
	checkError(t, err, "lastly: lock: ")
	if hooks := s.Report().Hooks; len(hooks) > 0 {
		t.Errorf("registered all the same: %v", hooks)
	}
}

func checkError(t *testing.T, err error, begins string) {
	t.Helper()
	if err == nil || !strings.HasPrefix(err.Error(), begins) || errors.Is(err, durable.ErrFolder) {
		t.Errorf("the error is %v, and should begin with %q", err, begins)
	}
}
