package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lastly-go/lastly"
)

func TestHookPushesTheCount(t *testing.T) {
	got := make(chan string, 1)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- string(body)
	}))
	defer collector.Close()

	var scope lastly.Scope
	figures := Register(&scope, collector.URL)
	figures.Add("watchers", func() fmt.Stringer { return big.NewInt(3) })
	figures.Count()
	// Not Last, hence before the push: it is still counted.
	lastly.DeferIn(&scope, "server", figures.Count)
	if err := scope.Close(); err != nil {
		t.Fatal(err)
	}
	if body := <-got; body != "requests 2\nwatchers 3\n" {
		t.Errorf("pushed %q, want 2 requests and 3 watchers", body)
	}
}

func TestNoCollector(t *testing.T) {
	if err := New("").Push(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestPushFails(t *testing.T) {
	collector := httptest.NewServer(http.NotFoundHandler())
	defer collector.Close()
	if err := New(collector.URL).Push(t.Context()); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("Push: %v, want the collector's status", err)
	}
	if err := New("no url").Push(t.Context()); err == nil {
		t.Error("Push to no URL: no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := New(collector.URL).Push(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Push: %v, want context.Canceled", err)
	}
}
