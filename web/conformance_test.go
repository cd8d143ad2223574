package web_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/web"
)

// TestShutdownSequence is conformance 88 as a whole: what terminus calls beforeShutdown, the stop of the server, onSignal
// and onShutdown is here one order by Uses, whatever was registered first.
func TestShutdownSequence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &lastly.Scope{}
		var mu sync.Mutex
		var order []string
		mark := func(what string) {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, what)
		}
		hook := func(h lastly.Hook) {
			h.Run = func(context.Context) error { mark(h.Name); return nil }
			s.Register(h)
		}
		handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			<-web.Draining(r.Context())
			mark("the delay is over")
			time.Sleep(time.Second)
			mark("the request ends")
		})
		hook(lastly.Hook{Name: "logs", Last: true})
		m := serve(t, s, handler, web.Options{Name: "server", Uses: []string{"workers"}, DrainDelay: 5 * time.Second})
		hook(lastly.Hook{Name: "stores", Uses: lastly.Nothing})
		hook(lastly.Hook{Name: "workers", Uses: []string{"stores"}})
		hook(lastly.Hook{Name: "telemetry", Last: true})
		context.AfterFunc(s.Context(), func() { mark("closing begins") })
		go ask(m.client(t), "/")
		synctest.Wait()
		began := time.Now()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != 6*time.Second {
			t.Errorf("took %v, want the delay of 5 s and the request's second", took)
		}
		mu.Lock()
		defer mu.Unlock()
		want := []string{"closing begins", "the delay is over", "the request ends", "workers", "stores", "telemetry", "logs"}
		if !slices.Equal(order, want) {
			t.Errorf("order %q, want %q", order, want)
		}
	})
}

// TestBudgetPage does what each row of the table in docs/web.md says, and compares the times.
func TestBudgetPage(t *testing.T) {
	const header = "| terminationGracePeriodSeconds | delay | Timeout | Grace | for the drain | then, for everything else | the flow is over by |"
	page, err := os.ReadFile("../docs/web.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(page), header+"\n|---|---|---|---|---|---|---|\n")
	if !ok {
		t.Fatal("docs/web.md lacks the table")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		kill, delay, timeout, grace := span(t, cells[0]+"s"), span(t, cells[1]), span(t, cells[2]), span(t, cells[3])
		drain, rest, over := span(t, cells[4]), span(t, cells[5]), span(t, cells[6])
		contexts, hook := endsAt(t, grace, web.Options{Name: "api", DrainDelay: delay, Timeout: timeout})
		if contexts-delay != drain {
			t.Errorf("%s: the drain had %v", line, contexts-delay)
		}
		if got := (grace - hook).Round(100 * time.Millisecond); got != rest {
			t.Errorf("%s: %v were left", line, got)
		}
		if grace+lastly.Reserve != over || over >= kill {
			t.Errorf("%s: over by %v", line, grace+lastly.Reserve)
		}
	}
}

// span is the first duration in a cell, such as "20 s (default)".
func span(t *testing.T, cell string) time.Duration {
	t.Helper()
	found := regexp.MustCompile(`[0-9.]+ ?s?`).FindString(cell)
	if found == "" {
		t.Fatalf("no time in the cell %q", cell)
	}
	d, err := time.ParseDuration(strings.TrimSuffix(strings.ReplaceAll(found, " ", ""), "s") + "s")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// endsAt closes a scope whose server has a request that ends with its context, and one that never ends, and says when the
// contexts end and when the server's hook is over.
func endsAt(t *testing.T, grace time.Duration, o web.Options) (contexts, hook time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &lastly.Scope{Grace: grace}
		never := make(chan struct{})
		var began time.Time
		m := serve(t, s, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			contexts = time.Since(began)
			<-never
		}), o)
		go ask(m.client(t), "/")
		synctest.Wait()
		began = time.Now()
		var cut *web.CutError
		if err := s.Close(); !errors.As(err, &cut) {
			t.Errorf("got %v", err)
		}
		hook = s.Report().Hooks[0].Duration
		close(never)
	})
	return contexts, hook
}
