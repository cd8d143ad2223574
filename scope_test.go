package lastly_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
)

func TestEmptyScope(t *testing.T) { // conformance 37
	var s lastly.Scope
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	<-s.Closed()
}

func TestLIFO(t *testing.T) { // conformance 1, 38
	var s lastly.Scope
	var r recorder
	s.Defer("a", r.hook("a"))
	s.Defer("b", r.hook("b"))
	s.Register(lastly.Hook{Name: "c", Run: r.hook("c")})
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	r.want(t, "c", "b", "a")
}

func TestUsesOrder(t *testing.T) {
	var s lastly.Scope
	var r recorder
	s.Register(lastly.Hook{Name: "server", Uses: []string{"queue", "db"}, Run: r.hook("server")})
	s.Register(lastly.Hook{Name: "log", Last: true, Run: r.hook("log")})
	s.Register(lastly.Hook{Name: "db", Run: r.hook("db")})
	s.Register(lastly.Hook{Name: "queue", Uses: []string{"db"}, Run: r.hook("queue")})
	if err := s.Check(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	r.want(t, "server", "queue", "db", "log")
}

func TestHookThatHangs(t *testing.T) { // conformance 63, 64
	synctest.Test(t, func(t *testing.T) {
		var s lastly.Scope
		var r recorder
		free := make(chan struct{})
		s.Defer("first", r.hook("first"))
		s.Register(lastly.Hook{Name: "hangs", Timeout: time.Second, Run: func(ctx context.Context) error {
			<-free
			return nil
		}})
		began := time.Now()
		err := s.Close()
		var te *lastly.TimeoutError
		if !errors.As(err, &te) || !te.Abandoned || !strings.Contains(string(te.Stack), "TestHookThatHangs") {
			t.Errorf("got %v", err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("took %v", took)
		}
		r.want(t, "first")
		close(free)
	})
}

func TestThousandHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s lastly.Scope
		free := make(chan struct{})
		for range 1000 {
			s.Defer("hangs", func(context.Context) error { <-free; return nil })
		}
		began := time.Now()
		err := s.Close()
		if took := time.Since(began); took > lastly.DefaultGrace+lastly.Reserve {
			t.Errorf("took %v", took)
		}
		n := 0
		for _, h := range s.Report().Hooks {
			if h.Outcome == lastly.OutcomeAbandoned && h.Stack != "" {
				n++
			}
		}
		if n != 1000 {
			t.Errorf("%d of 1000 were started and abandoned: %.300v", n, err)
		}
		close(free)
	})
}

func TestCloseInsideHook(t *testing.T) {
	var s lastly.Scope
	c := s.Child(lastly.Hook{Name: "child"})
	var got []error
	c.Defer("x", func(ctx context.Context) error {
		got = append(got, c.Close(), s.Close(), s.Shutdown(ctx))
		return nil
	})
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for _, err := range got {
		if !errors.Is(err, lastly.ErrClosing) {
			t.Errorf("got %v", err)
		}
	}
	if len(got) != 3 {
		t.Error(len(got))
	}
}
