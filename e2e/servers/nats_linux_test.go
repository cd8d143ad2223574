package servers

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/e2e/internal/real"
	"github.com/lastly-go/lastly/internal/testproc"
	"github.com/lastly-go/lastly/resource"
	"github.com/nats-io/nats.go"
)

// startNATS starts a private instance, and returns its address and a connection for the test itself.
func startNATS(t *testing.T) (d *daemon, url string, nc *nats.Conn) {
	t.Helper()
	folder := t.TempDir()
	d = startDaemon(t, exec.Command(real.Need(t, "nats-server", "nats-server"), "-a", "127.0.0.1", "-p", "-1",
		"--ports_file_dir", folder, "-js", "-sd", filepath.Join(folder, "store")), syscall.SIGTERM)
	d.ready(t, func() bool { // it writes a file that tells which port it took
		files, _ := filepath.Glob(filepath.Join(folder, "*.ports"))
		if len(files) == 0 {
			return false
		}
		text, _ := os.ReadFile(files[0])
		var ports struct{ Nats []string }
		if json.Unmarshal(text, &ports) != nil || len(ports.Nats) == 0 {
			return false
		}
		url = ports.Nats[0]
		var err error
		nc, err = nats.Connect(url)
		return err == nil
	})
	t.Cleanup(nc.Close)
	return d, url, nc
}

func TestNATS(t *testing.T) {
	t.Parallel()
	_, url, nc := startNATS(t)
	t.Run("drain", func(t *testing.T) { natsDrain(t, url, nc) })
	t.Run("a subscription of its own", func(t *testing.T) { natsSubscription(t, url, nc) })
	t.Run("a handler that hangs", func(t *testing.T) { natsHangs(t, url, nc) })
	t.Run("the server is gone", natsGone)
	t.Run("jetstream, ended", func(t *testing.T) { natsStream(t, url, nc, syscall.SIGTERM) })
	t.Run("jetstream, killed", func(t *testing.T) { natsStream(t, url, nc, syscall.SIGKILL) })
}

var natsVictims = testproc.Victims{
	"nats":      func(args []string) { program().Main(func(ctx context.Context) error { return answer(ctx, args) }) },
	"jetstream": func(args []string) { program().Main(func(ctx context.Context) error { return consume(ctx, args) }) },
}

// A store keeps numbers, a line each, and its writes are in the file when it is closed, not before.
type store struct {
	file *os.File
	buf  *bufio.Writer
}

func openStore(path string) (*store, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return &store{f, bufio.NewWriter(f)}, nil
}

func (s *store) add(line string) error {
	_, err := s.buf.WriteString(line + "\n")
	return err
}

// Close leaves a buffer that refuses what comes too late.
func (s *store) Close() error {
	err := errors.Join(s.buf.Flush(), s.file.Close())
	s.buf.Reset(closed{})
	return err
}

type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, os.ErrClosed }

func readStore(t *testing.T, path string) (lines []string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for scan := bufio.NewScanner(f); scan.Scan(); {
		lines = append(lines, scan.Text())
	}
	return lines
}

const (
	natsWork   = 150 // messages that wait when the signal comes
	natsOutput = 500 // messages that are published on the way out
)

// answer stores what it is sent, slowly, and answers. On its way out it publishes.
func answer(ctx context.Context, args []string) error {
	url, path := args[0], args[1]
	st, err := openStore(path)
	if err != nil {
		return err
	}
	resource.Own(lastly.Process(), "store", st)
	nc, err := nats.Connect(url)
	if err != nil {
		return err
	}
	resource.Own(lastly.Process(), "nats", nc)
	_, err = nc.Subscribe("work", func(m *nats.Msg) {
		testproc.Linger(2 * time.Millisecond)
		must(st.add(string(m.Data)))
		must(m.Respond(m.Data))
	})
	if err != nil {
		return err
	}
	lastly.Go("publisher", func(ctx context.Context) error {
		<-ctx.Done()
		for i := range natsOutput {
			if err := nc.Publish("output", []byte(strconv.Itoa(i))); err != nil {
				return err
			}
		}
		return nil
	})
	if err := nc.Flush(); err != nil {
		return err
	}
	testproc.Say("subscribed")
	<-ctx.Done()
	return nil
}

// natsDrain: whatever the server had sent when the exit began is handled while the store is open, and whatever was
// published arrives.
func natsDrain(t *testing.T, url string, nc *nats.Conn) {
	path := filepath.Join(t.TempDir(), "store")
	v := testproc.Start(t, "nats", url, path)
	v.WaitLine("subscribed")
	var outputs atomic.Int64
	subscribe(t, nc, "output", func(*nats.Msg) { outputs.Add(1) })
	answers := make(chan string, natsWork)
	inbox := nats.NewInbox()
	subscribe(t, nc, inbox, func(m *nats.Msg) { answers <- string(m.Data) })
	for i := range natsWork {
		if err := nc.PublishRequest("work", inbox, []byte(strconv.Itoa(i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil { // the server has them all
		t.Fatal(err)
	}
	<-answers
	v.Signal(syscall.SIGTERM)
	r := v.Wait()
	r.Check(t, "exit 0")
	r.CheckLines(t, "ended publisher: ok", "began nats", "ended nats: ok", "began store", "ended store: ok")
	if got := len(readStore(t, path)); got != natsWork {
		t.Errorf("stored %d of %d messages", got, natsWork)
	}
	testproc.Poll(t, "all answers and outputs", func() bool {
		return len(answers) == natsWork-1 && outputs.Load() == natsOutput
	})
}

func subscribe(t *testing.T, nc *nats.Conn, subject string, f nats.MsgHandler) *nats.Subscription {
	t.Helper()
	sub, err := nc.Subscribe(subject, f)
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

// natsSubscription owns one subscription of a connection that goes on.
func natsSubscription(t *testing.T, url string, nc *nats.Conn) {
	var s lastly.Scope
	mine, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer mine.Close()
	var handled, late atomic.Int64
	var over atomic.Bool
	s.Defer("store", func(context.Context) error { over.Store(true); return nil })
	began := make(chan bool, natsWork)
	sub := subscribe(t, mine, "one", func(*nats.Msg) {
		began <- true
		testproc.Linger(2 * time.Millisecond)
		handled.Add(1)
		if over.Load() {
			late.Add(1)
		}
	})
	resource.Own(&s, "subscription", sub)
	for range natsWork {
		if err := nc.Publish("one", nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	<-began
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if handled.Load() != natsWork || late.Load() != 0 || mine.IsClosed() {
		t.Errorf("handled %d of %d, %d of them too late; connection closed: %v", handled.Load(), natsWork, late.Load(), mine.IsClosed())
	}
}

// natsHangs: a handler that never returns holds the exit up until the deadline, and is reported.
func natsHangs(t *testing.T, url string, nc *nats.Conn) {
	var s lastly.Scope
	s.HookTimeout = 200 * time.Millisecond
	mine, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	resource.Own(&s, "nats", mine)
	began, release := make(chan bool), make(chan bool)
	defer close(release)
	subscribe(t, mine, "hang", func(*nats.Msg) { began <- true; <-release })
	if err := errors.Join(nc.Publish("hang", nil), nc.Flush()); err != nil {
		t.Fatal(err)
	}
	<-began
	err = s.Close()
	if _, ok := errors.AsType[*lastly.TimeoutError](err); !ok {
		t.Errorf("error %v, want a timeout", err)
	}
	if got := s.Report().Hooks[0].Outcome; got != lastly.OutcomeTimedOut || !mine.IsClosed() {
		t.Errorf("outcome %q, closed: %v; want timed out and closed", got, mine.IsClosed())
	}
}

// natsGone: what was published can't be delivered any more, and Own says so instead of waiting for the deadline.
func natsGone(t *testing.T) {
	d, url, _ := startNATS(t)
	var s lastly.Scope
	mine, err := nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	resource.Own(&s, "nats", mine)
	_ = d.cmd.Process.Kill()
	<-d.done
	testproc.Poll(t, "the client to notice", mine.IsReconnecting)
	if err := s.Close(); !errors.Is(err, nats.ErrConnectionReconnecting) || !mine.IsClosed() {
		t.Errorf("error %v, closed: %v; want %v", err, mine.IsClosed(), nats.ErrConnectionReconnecting)
	}
}

// sorted compares what was stored with what was sent, without what came twice.
func sorted(lines []string) []string {
	slices.Sort(lines)
	return slices.Compact(lines)
}
