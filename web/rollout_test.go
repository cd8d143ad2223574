//go:build unix

package web_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/testproc"
	"github.com/lastly-go/lastly/web"
)

var _ = addVictims(testproc.Victims{
	"service": func([]string) { service(web.Options{Name: "api"}) },
	"hasty":   func([]string) { service(web.Options{Name: "api", DrainDelay: -1}) },
})

// service is a program with one server.
func service(o web.Options) {
	lastly.Program{OnExit: func(r lastly.Report) {
		for _, h := range r.Hooks {
			testproc.Say("%s: %s", h.Name, h.Note)
			testproc.Say("%s took more than 5s: %v", h.Name, h.Start+h.Duration >= 5*time.Second)
		}
	}}.Main(func(ctx context.Context) error {
		ready := web.Ready(lastly.Process())
		mux := http.NewServeMux()
		mux.Handle("/ready", ready)
		mux.Handle("/", hello())
		mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
			testproc.Say("in flight")
			<-web.Draining(r.Context())
			_, _ = io.WriteString(w, "slow")
		})
		mux.HandleFunc("/stuck", func(_ http.ResponseWriter, r *http.Request) {
			testproc.Say("in flight")
			<-web.Draining(r.Context())
			testproc.Say("draining")
			<-r.Context().Done()
		})
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		mux.HandleFunc("/exit", func(http.ResponseWriter, *http.Request) { lastly.Exit(3) })
		if err := web.Serve(lastly.Process(), &http.Server{Handler: mux}, ln, o); err != nil {
			return err
		}
		testproc.Say("http://%s", ln.Addr())
		<-ctx.Done()
		return nil
	})
}

// url waits for the service and returns where it is.
func url(t *testing.T, p *testproc.Proc) string {
	t.Helper()
	testproc.Poll(t, "the service to listen", func() bool { return strings.Contains(p.Output(), "\n") || p.Gone() })
	line, _, _ := strings.Cut(p.Output(), "\n")
	if !strings.HasPrefix(line, "http://") {
		t.Fatalf("the service said %q, %q", p.Output(), p.Errors())
	}
	return line
}

// A load is clients that send one request after the other, over connections that they keep, for as long as readiness says
// that they may.
type load struct {
	ready        atomic.Bool
	sent, failed atomic.Int64
	first        atomic.Value // error
	group        sync.WaitGroup
}

func newLoad(url string, clients int) *load {
	l := &load{}
	l.ready.Store(true)
	for range clients {
		l.group.Go(func() {
			tr := &http.Transport{}
			defer tr.CloseIdleConnections()
			for l.ready.Load() {
				// A POST with a body that can't be read twice: the client does not repeat it by itself.
				resp, err := (&http.Client{Transport: tr}).Post(url, "text/plain", io.MultiReader(strings.NewReader("work")))
				l.note(resp, err)
			}
		})
	}
	return l
}

func (l *load) note(resp *http.Response, err error) {
	l.sent.Add(1)
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if err == nil && resp.StatusCode != http.StatusOK {
			err = fmt.Errorf("status %d", resp.StatusCode)
		}
	}
	if err != nil {
		l.failed.Add(1)
		l.first.CompareAndSwap(nil, err)
	}
}

// follow stops the load when readiness fails.
func (l *load) follow(t *testing.T, url string) {
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	testproc.Poll(t, "readiness to fail", func() bool {
		resp, err := (&http.Client{Transport: tr}).Get(url + "/ready")
		if err != nil {
			t.Errorf("the probe got no answer: %v", err)
			return true
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusServiceUnavailable
	})
	l.ready.Store(false)
	l.group.Wait()
}

// TestRollout is conformance 83, 86(b) and 88 in a process, with the default delay: SIGTERM under load loses no request when the
// clients follow readiness.
func TestRollout(t *testing.T) {
	t.Parallel()
	p := testproc.Spec{Victim: "service", Env: []string{web.EnvDrainDelay + "="}}.Start(t)
	at := url(t, p)
	slow := make(chan string, 1)
	go func() {
		resp, err := http.Get(at + "/slow") //nolint:noctx // the service ends it
		if err != nil {
			slow <- err.Error()
			return
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		slow <- string(body)
	}()
	p.WaitLine("in flight")
	l := newLoad(at, 4)
	testproc.Poll(t, "some load", func() bool { return l.sent.Load() > 100 })
	p.Signal(syscall.SIGTERM)
	l.follow(t, at)
	if got := <-slow; got != "slow" {
		t.Errorf("what was in flight got %q", got)
	}
	if l.failed.Load() > 0 {
		t.Errorf("%d of %d requests were lost: %v", l.failed.Load(), l.sent.Load(), l.first.Load())
	}
	r := p.Wait()
	r.Check(t, "exit 0")
	if !strings.Contains(r.Out, ", drained 1, cut 0\n") {
		t.Errorf("the report says\n%s", r.Out)
	}
	r.CheckLines(t, "api took more than 5s: true")
	http.DefaultClient.CloseIdleConnections()
}

// TestRolloutWithoutDelay shows what the delay is for, and that the test above would see a loss: clients that go on after
// the end of the server lose requests.
func TestRolloutWithoutDelay(t *testing.T) {
	t.Parallel()
	p := testproc.Start(t, "hasty")
	l := newLoad(url(t, p), 4)
	testproc.Poll(t, "some load", func() bool { return l.sent.Load() > 100 })
	p.Signal(syscall.SIGTERM)
	p.Wait().Check(t, "exit 0")
	testproc.Poll(t, "a loss", func() bool { return l.failed.Load() > 0 })
	l.ready.Store(false)
	l.group.Wait()
}

// TestExitInHandler says that a handler may end the program: it counts as ended, and nothing waits for it.
func TestExitInHandler(t *testing.T) {
	t.Parallel()
	p := testproc.Start(t, "hasty")
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	if resp, err := (&http.Client{Transport: tr}).Get(url(t, p) + "/exit"); err == nil {
		_ = resp.Body.Close()
		t.Errorf("got status %d of a handler that never returned", resp.StatusCode)
	}
	p.Wait().Check(t, "exit 3")
}

// TestSecondSignalWhileDraining says that whoever has lost patience need not wait for what is in flight.
func TestSecondSignalWhileDraining(t *testing.T) {
	t.Parallel()
	p := testproc.Start(t, "hasty")
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	answered := make(chan string, 1)
	at := url(t, p)
	go func() { answered <- bodyOf(&http.Client{Transport: tr}, at+"/stuck") }()
	p.WaitLine("in flight")
	p.Signal(syscall.SIGTERM)
	p.WaitLine("draining")
	p.Signal(syscall.SIGINT)
	p.Wait().Check(t, "exit 130")
	<-answered
}

// TestNoDelayAtATerminal says that who presses Ctrl-C, or kills what runs in another window, waits for no balancer.
func TestNoDelayAtATerminal(t *testing.T) {
	t.Parallel()
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	defer terminal.Close()
	p := testproc.Spec{Victim: "service", Env: []string{web.EnvDrainDelay + "="}, Stdin: terminal}.Start(t)
	url(t, p)
	p.Signal(syscall.SIGTERM)
	r := p.Wait()
	r.Check(t, "exit 0")
	r.CheckLines(t, "api took more than 5s: false")
}
