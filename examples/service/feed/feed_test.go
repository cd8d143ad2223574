package feed

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// fixture is a server of both handlers; end begins its drain.
type fixture struct {
	feed *Feed[string]
	url  string
	end  func()
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	ending := make(chan struct{})
	f := &fixture{feed: New[string](func(context.Context) <-chan struct{} { return ending }), end: func() { close(ending) }}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ws", f.feed.WebSocket)
	mux.HandleFunc("GET /events", f.feed.Events)
	server := httptest.NewServer(mux)
	f.url = server.URL
	t.Cleanup(server.Close)
	return f
}

// wait waits for the counts to be as wanted: handlers end a moment after their clients have the last word.
func (f *fixture) wait(t *testing.T, want Counts) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for f.feed.Counts() != want {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("counts: %v, want %v", f.feed.Counts(), want)
		}
	}
}

func (f *fixture) dial(t *testing.T) *websocket.Conn {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), f.url+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	return conn
}

// events opens the stream and returns its lines.
func (f *fixture) events(t *testing.T) (lines *bufio.Reader, leave func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		resp.Body.Close()
	})
	return bufio.NewReader(resp.Body), cancel
}

func TestWebSocket(t *testing.T) {
	f := newFixture(t)
	conn := f.dial(t)
	f.wait(t, Counts{Open: 1})
	f.feed.Publish([]string{"a", "b"})
	for _, want := range []string{`"a"`, `"b"`} {
		if _, text, err := conn.Read(t.Context()); err != nil || strings.TrimSpace(string(text)) != want {
			t.Errorf("read %q, %v; want %s", text, err, want)
		}
	}
	f.end()
	_, _, err := conn.Read(t.Context())
	if status := websocket.CloseStatus(err); status != websocket.StatusGoingAway {
		t.Errorf("at the drain the watcher got %v, want the close frame 1001", err)
	}
	f.wait(t, Counts{Told: 1})
}

func TestEvents(t *testing.T) {
	f := newFixture(t)
	lines, _ := f.events(t)
	f.wait(t, Counts{Open: 1})
	f.feed.Publish([]string{"a\nb"})
	f.wait(t, Counts{Open: 1})
	var got strings.Builder
	for !strings.Contains(got.String(), "data: ") {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		got.WriteString(line)
	}
	f.end()
	rest, err := io.ReadAll(lines) // whole: a body that was cut off would be an error
	got.Write(rest)
	want := "retry: 1000\n\nevent: row\ndata: \"a\\nb\"\n\nevent: end\ndata: \"the server ends; connect again\"\n\n"
	if err != nil || got.String() != want {
		t.Errorf("got %q, %v; want %q", got.String(), err, want)
	}
	f.wait(t, Counts{Told: 1})
}

func TestWhoLeavesIsCounted(t *testing.T) {
	f := newFixture(t)
	conn := f.dial(t)
	_, leave := f.events(t)
	f.wait(t, Counts{Open: 2})
	if err := conn.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Error(err)
	}
	leave()
	f.wait(t, Counts{Left: 2})
	if got, want := f.feed.Counts().String(), "0 open, 0 told, 2 left"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
}

func TestSlowWatchersMissRowsAndHoldNobodyUp(t *testing.T) {
	ending := make(chan struct{})
	f := New[int](func(context.Context) <-chan struct{} { return ending })
	busy, goOn := make(chan struct{}), make(chan struct{})
	var got []int
	over := make(chan struct{})
	go func() {
		defer close(over)
		f.watch(httptest.NewRequest(http.MethodGet, "/", nil), nil, func(row int) error {
			if row == 0 {
				close(busy)
				<-goOn
			}
			got = append(got, row)
			if row == pending {
				close(ending)
			}
			return nil
		}, func() error { return nil })
	}()
	for f.Counts().Open == 0 { // until it watches
		f.Publish(nil)
	}
	f.Publish([]int{0})
	<-busy
	for i := range 2 * pending {
		f.Publish([]int{i + 1})
	}
	close(goOn)
	<-over
	if len(got) != pending+1 {
		t.Errorf("a watcher that was busy got %d rows, want the first and %d more", len(got), pending)
	}
}

func TestFarewellThatFailsIsNotTold(t *testing.T) {
	ending := make(chan struct{})
	close(ending)
	f := New[int](func(context.Context) <-chan struct{} { return ending })
	f.watch(httptest.NewRequest(http.MethodGet, "/", nil), nil, nil, func() error { return errors.New("broken pipe") })
	if got, want := f.Counts(), (Counts{Left: 1}); got != want {
		t.Errorf("counts: %v, want %v", got, want)
	}
}

// TestNoWebSocket: a plain request gets an answer, and is no watcher.
func TestNoWebSocket(t *testing.T) {
	f := newFixture(t)
	resp, err := http.Get(f.url + "/ws")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusUpgradeRequired || f.feed.Counts() != (Counts{}) {
		t.Errorf("status %d, counts %v; want 426, and none", resp.StatusCode, f.feed.Counts())
	}
}
