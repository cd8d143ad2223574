package servers

import (
	"context"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/testproc"
	"github.com/lastly-go/lastly/resource"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const streamed = 200 // messages of a stream

// consume stores the messages of a stream and acknowledges each.
func consume(ctx context.Context, args []string) error {
	url, stream, path := args[0], args[1], args[2]
	wait, err := time.ParseDuration(args[3])
	if err != nil {
		return err
	}
	nc, err := nats.Connect(url)
	if err != nil {
		return err
	}
	resource.Own(lastly.Process(), "nats", nc)
	st, err := openStore(path) // closed before the connection, so that nothing but the consumer's own end is before it
	if err != nil {
		return err
	}
	resource.Own(lastly.Process(), "store", st)
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	consumer, err := js.CreateOrUpdateConsumer(ctx, stream, jetstream.ConsumerConfig{
		Durable: "worker", AckPolicy: jetstream.AckExplicitPolicy, AckWait: wait, MaxAckPending: 20,
	})
	if err != nil {
		return err
	}
	consuming, err := consumer.Consume(func(m jetstream.Msg) {
		testproc.Linger(time.Millisecond)
		must(st.add(string(m.Data())))
		must(st.buf.Flush()) // what is acknowledged must survive the process
		must(m.Ack())
		testproc.Say("stored %s", m.Data())
	}, jetstream.PullMaxMessages(20))
	if err != nil {
		return err
	}
	resource.Own(lastly.Process(), "consumer", consuming)
	<-ctx.Done()
	return nil
}

// natsStream ends a consumer amid its work; the next one does the rest. After an orderly end nothing is done twice.
func natsStream(t *testing.T, url string, nc *nats.Conn, end syscall.Signal) {
	name := "S" + strconv.Itoa(int(end))
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: name, Storage: jetstream.MemoryStorage}); err != nil {
		t.Fatal(err)
	}
	for i := range streamed {
		if _, err := js.PublishAsync(name, []byte(strconv.Itoa(i))); err != nil {
			t.Fatal(err)
		}
	}
	<-js.PublishAsyncComplete()
	path := filepath.Join(t.TempDir(), "store")
	// After a SIGKILL the next one waits so long. After an orderly end nothing is to be sent again, however slow the machine is.
	again := "500ms"
	if end == syscall.SIGTERM {
		again = "10s"
	}
	v := testproc.Start(t, "jetstream", url, name, path, again)
	waitSaid(t, v, "stored", 30)
	v.Signal(end)
	first := v.Wait()
	if end == syscall.SIGTERM {
		first.Check(t, "exit 0")
		first.CheckLines(t, "began consumer", "ended consumer: ok", "began store", "ended store: ok", "began nats", "ended nats: ok",
			"note consumer: Drain until Closed, at the deadline Stop")
	}
	next := testproc.Start(t, "jetstream", url, name, path, again)
	testproc.Poll(t, "the rest to be stored", func() bool { return len(sorted(readStore(t, path))) == streamed })
	next.Signal(syscall.SIGTERM)
	next.Wait().Check(t, "exit 0")
	lines := readStore(t, path)
	t.Logf("the first stored %d, %d were stored twice", len(said(first.Out, "stored")), len(lines)-streamed)
	if end == syscall.SIGTERM && len(lines) != streamed {
		t.Errorf("%d messages were stored, %d are %d too many", len(lines), streamed, len(lines)-streamed)
	}
}
