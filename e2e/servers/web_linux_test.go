package servers

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/testproc"
	"github.com/lastly-go/lastly/resource"
	"github.com/lastly-go/lastly/web"
)

var webVictims = testproc.Victims{
	"web": func(args []string) { program().Main(func(ctx context.Context) error { return serveLive(ctx, args) }) },
}

// serveLive has one of everything that goes on for as long as its client wants. Those under /deaf don't listen.
func serveLive(ctx context.Context, args []string) error {
	path, scheme := args[0], args[1]
	timeout, err := time.ParseDuration(args[2])
	if err != nil {
		return err
	}
	st, err := openStore(path)
	if err != nil {
		return err
	}
	resource.Own(lastly.Process(), "store", st)
	var mu sync.Mutex // guards st
	mux := http.NewServeMux()
	mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		talk(w, r, web.Draining(r.Context()), func(text string) error { mu.Lock(); defer mu.Unlock(); return st.add(text) })
	})
	mux.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) { stream(w, r, web.Draining(r.Context())) })
	mux.HandleFunc("/poll", poll)
	mux.HandleFunc("/deaf/ws", func(w http.ResponseWriter, r *http.Request) { talk(w, r, nil, func(string) error { return nil }) })
	mux.HandleFunc("/deaf/events", func(w http.ResponseWriter, r *http.Request) { stream(w, r, nil) })
	srv := &http.Server{Handler: mux}
	if scheme == "https" {
		pair := httptest.NewTLSServer(nil) // for its certificate
		srv.TLSConfig = pair.TLS.Clone()
		pair.Close()
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := web.Serve(lastly.Process(), srv, ln, web.Options{Name: "http", DrainDelay: -1, Timeout: timeout}); err != nil {
		return err
	}
	testproc.Say("addr %s://%s", scheme, ln.Addr())
	<-ctx.Done()
	return nil
}

// talk stores and returns whatever a WebSocket's client says, until one of both has enough.
func talk(w http.ResponseWriter, r *http.Request, draining <-chan struct{}, store func(string) error) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	left := make(chan struct{})
	var farewell sync.WaitGroup
	farewell.Go(func() {
		select {
		case <-draining:
			_ = conn.Close(websocket.StatusGoingAway, "restart") // waits for the client's answer
		case <-left:
			_ = conn.CloseNow()
		}
	})
	defer farewell.Wait()
	defer close(left)
	for {
		kind, text, err := conn.Read(context.WithoutCancel(r.Context()))
		if err != nil {
			return
		}
		if store(string(text)) != nil || conn.Write(context.WithoutCancel(r.Context()), kind, text) != nil {
			return
		}
	}
}

// stream sends events, the last of which says that it is the last.
func stream(w http.ResponseWriter, r *http.Request, draining <-chan struct{}) {
	w.Header().Set("Content-Type", "text/event-stream")
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	flush := http.NewResponseController(w).Flush
	for {
		select {
		case <-draining:
			fmt.Fprint(w, "event: bye\ndata: restart\n\n")
			return
		case <-tick.C:
			fmt.Fprint(w, "data: tick\n\n")
			if flush() != nil {
				return // nobody listens, or the connection was cut
			}
		}
	}
}

func poll(w http.ResponseWriter, r *http.Request) {
	testproc.Say("polled %s", r.RemoteAddr)
	select {
	case <-web.Draining(r.Context()):
		w.WriteHeader(http.StatusNoContent)
	case <-r.Context().Done():
	}
}

// TestLiveConnectionsAreTold: everybody hears that the server goes away, and is counted; what a WebSocket's client heard of
// is stored.
func TestLiveConnectionsAreTold(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) { t.Parallel(); toldLive(t, scheme) })
	}
}

const each = 10 // connections of each sort

func toldLive(t *testing.T, scheme string) {
	path := filepath.Join(t.TempDir(), "store")
	v, c := startLive(t, path, scheme, web.DefaultDrain)
	var mu sync.Mutex
	var heard []string
	var clients, connected sync.WaitGroup
	for i := range each {
		connected.Add(2)
		clients.Go(func() {
			err := c.talk(t, "/ws", connected.Done, func(n int) string { return fmt.Sprint(i, "-", n) }, func(text string) {
				mu.Lock()
				defer mu.Unlock()
				heard = append(heard, text)
			})
			if websocket.CloseStatus(err) != websocket.StatusGoingAway {
				t.Errorf("a WebSocket ended with %v, want the close frame 1001", err)
			}
		})
		clients.Go(func() {
			if last := c.listen(t, "/events", connected.Done); last != "event: bye" {
				t.Errorf("the last event was %q, want the one that says bye", last)
			}
		})
		clients.Go(func() { c.poll(t) })
	}
	connected.Wait()
	testproc.Poll(t, "the WebSockets to talk", func() bool { mu.Lock(); defer mu.Unlock(); return len(heard) > 20*each })
	waitSaid(t, v, "polled", each)
	v.Signal(syscall.SIGTERM)
	clients.Wait()
	r := v.Wait()
	r.Check(t, "exit 0")
	total := strconv.Itoa(3 * each)
	r.CheckLines(t, "began http", "ended http: ok", "began store", "ended store: ok", "note http: served "+total+", drained "+total+", cut 0")
	stored := sorted(readStore(t, path))
	for _, text := range heard {
		if _, found := slices.BinarySearch(stored, text); !found {
			t.Errorf("%q was returned to its client, and is not stored", text)
		}
	}
	t.Logf("%d messages were returned, %d stored", len(heard), len(stored))
}

// TestDeafConnectionsAreCut: who does not listen, on either side, is cut when the time is over, counted, and named.
// Conformance 84.
func TestDeafConnectionsAreCut(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) { t.Parallel(); cutDeaf(t, scheme) })
	}
}

func cutDeaf(t *testing.T, scheme string) {
	// Long for handlers that end when they are told, and soon over for those that don't.
	v, c := startLive(t, filepath.Join(t.TempDir(), "store"), scheme, 5*time.Second)
	var clients, connected sync.WaitGroup
	connected.Add(3)
	clients.Go(func() {
		err := c.talk(t, "/deaf/ws", connected.Done, func(int) string { return "" }, func(string) {})
		if err == nil || websocket.CloseStatus(err) != -1 {
			t.Errorf("a WebSocket whose server is deaf ended with %v, want no close frame", err)
		}
	})
	clients.Go(func() {
		if last := c.listen(t, "/deaf/events", connected.Done); last == "event: bye" {
			t.Error("a deaf server sent its last event")
		}
	})
	clients.Go(func() {
		if last := c.listen(t, "/events", connected.Done); last != "event: bye" {
			t.Errorf("the last event was %q, want the one that says bye", last)
		}
	})
	silent, err := c.dial(t, "/ws") // it never reads, so that it never answers the close frame
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.CloseNow() }()
	connected.Wait()
	v.Signal(syscall.SIGTERM)
	clients.Wait()
	r := v.Wait()
	r.Check(t, "exit 1")
	r.CheckLines(t, "began http", "began store", "ended store: ok")
	// More may follow: a busy machine may not have run a handler since its connection was cut.
	if notes := said(r.Out, "note"); !slices.ContainsFunc(notes, func(n string) bool { return strings.HasPrefix(n, "http: served 1, drained 1, cut 3") }) {
		t.Errorf("notes %q, want one that says served 1, drained 1, cut 3", notes)
	}
	r.CheckErr(t, "cut 3 in flight", `GET "/ws"`, `GET "/deaf/ws"`, `GET "/deaf/events"`)
}

// liveClient is a client of serveLive.
type liveClient struct {
	http http.Client
	url  string
}

func startLive(t *testing.T, path, scheme string, timeout time.Duration) (*testproc.Proc, *liveClient) {
	t.Helper()
	v := testproc.Start(t, "web", path, scheme, timeout.String())
	waitSaid(t, v, "addr", 1)
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // it made its certificate itself
		ForceAttemptHTTP2: true,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return v, &liveClient{http.Client{Transport: transport}, said(v.Output(), "addr")[0]}
}

func (c *liveClient) dial(t *testing.T, path string) (*websocket.Conn, error) {
	conn, resp, err := websocket.Dial(t.Context(), c.url+path, &websocket.DialOptions{HTTPClient: &c.http})
	if err != nil && resp != nil && resp.Body != nil {
		_ = resp.Body.Close()
	}
	return conn, err
}

// talk sends one message after the other and tells which it got back. It returns why it could not go on.
func (c *liveClient) talk(t *testing.T, path string, connected func(), text func(int) string, heard func(string)) error {
	conn, err := c.dial(t, path)
	connected()
	if err != nil {
		return err
	}
	defer func() { _ = conn.CloseNow() }()
	for n := 0; ; n++ {
		writeErr := conn.Write(t.Context(), websocket.MessageText, []byte(text(n)))
		_, answer, err := conn.Read(t.Context()) // also after a failed write: there may be a close frame
		if err != nil {
			return err
		}
		if writeErr != nil {
			return writeErr
		}
		heard(string(answer))
		testproc.Linger(time.Millisecond)
	}
}

// listen reads events until there are no more, and returns the last line that names one.
func (c *liveClient) listen(t *testing.T, path string, connected func()) (last string) {
	once := sync.OnceFunc(connected)
	defer once()
	resp, err := c.get(t, path)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		once()
		if strings.HasPrefix(lines.Text(), "event: ") {
			last = lines.Text()
		}
	}
	return last
}

// poll waits for the answer to a long poll.
func (c *liveClient) poll(t *testing.T) {
	resp, err := c.get(t, "/poll")
	if err != nil {
		t.Errorf("a long poll: %v", err)
		return
	}
	if err := errors.Join(err, resp.Body.Close()); err != nil || resp.StatusCode != http.StatusNoContent {
		t.Errorf("a long poll: %s, %v", resp.Status, err)
	}
}

func (c *liveClient) get(t *testing.T, path string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url+path, nil)
	if err != nil {
		return nil, err
	}
	return c.http.Do(request)
}
