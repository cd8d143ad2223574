package servers

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/testproc"
	"github.com/lastly-go/lastly/resource"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	otellog "go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	collectlog "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	collecttrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// A collector keeps what programs export to it: the names of spans and the texts of log records.
type collector struct {
	open chan struct{} // it answers nobody before this is closed

	mu    sync.Mutex // guards what follows
	spans []string
	logs  []string
}

// startCollector returns its address, as the exporters want it.
func startCollector(t *testing.T) (c *collector, addr string) {
	c = &collector{open: make(chan struct{})}
	srv := httptest.NewServer(c)
	t.Cleanup(srv.Close)
	return c, strings.TrimPrefix(srv.URL, "http://")
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	<-c.open
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = c.take(r.URL.Path, body)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

func (c *collector) take(path string, body []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if path == "/v1/logs" {
		var request collectlog.ExportLogsServiceRequest
		if err := proto.Unmarshal(body, &request); err != nil {
			return err
		}
		for _, resource := range request.GetResourceLogs() {
			for _, scope := range resource.GetScopeLogs() {
				for _, record := range scope.GetLogRecords() {
					c.logs = append(c.logs, record.GetBody().GetStringValue())
				}
			}
		}
		return nil
	}
	var request collecttrace.ExportTraceServiceRequest
	if err := proto.Unmarshal(body, &request); err != nil {
		return err
	}
	for _, resource := range request.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				c.spans = append(c.spans, span.GetName())
			}
		}
	}
	return nil
}

const traced = 3000 // spans of the program before its end: more than one batch

var otelVictims = testproc.Victims{
	"telemetry": func(args []string) {
		p := program()
		timeout, err := time.ParseDuration(args[2])
		must(err)
		p.HookTimeout = timeout
		p.Main(func(ctx context.Context) error { return observe(ctx, args[0], args[1]) })
	},
}

// observe is a program that is observed to the end: the close of its database is a span and a log record, too. Telemetry is
// after everything else, and the log file is after telemetry, which may have something to say.
func observe(ctx context.Context, addr, logFile string) error {
	s := lastly.Process()
	file, err := os.Create(logFile)
	if err != nil {
		return err
	}
	resource.Own(s.Child(lastly.Hook{Name: "log", Last: true}), "file", file)
	toFile := slog.New(slog.NewTextHandler(file, nil))
	telemetry := s.Child(lastly.Hook{Name: "telemetry", Last: true, Uses: []string{"log"}})
	telemetry.Defer("say", func(context.Context) error { toFile.Info("telemetry is over"); return nil })
	traces, logs, err := openTelemetry(ctx, telemetry, addr)
	if err != nil {
		return err
	}
	tell := func(text string) {
		_, span := traces.Start(context.Background(), text)
		span.End()
		var r otellog.Record
		r.SetBody(attribute.StringValue(text))
		logs.Emit(context.Background(), r)
		toFile.Info(text)
	}
	// They use nothing that was registered before: it is Last alone that keeps telemetry until they are over.
	s.Register(lastly.Hook{Name: "db", Uses: lastly.Nothing, Run: func(context.Context) error { tell("db closed"); return nil }})
	s.Go(lastly.Hook{Name: "worker", Uses: []string{"db"}, Run: func(ctx context.Context) error {
		for i := range traced {
			_, span := traces.Start(ctx, "work "+strconv.Itoa(i))
			span.End()
		}
		testproc.Say("worked")
		<-ctx.Done()
		tell("worker ended")
		return nil
	}})
	<-ctx.Done()
	tell("run ended")
	return nil
}

// openTelemetry exports to the collector, nothing of which would leave the process in time by itself.
func openTelemetry(ctx context.Context, s *lastly.Scope, addr string) (trace.Tracer, otellog.Logger, error) {
	spans, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpoint(addr), otlptracehttp.WithInsecure())
	if err != nil {
		return nil, nil, err
	}
	traces := sdktrace.NewTracerProvider(sdktrace.WithBatcher(spans,
		sdktrace.WithBatchTimeout(time.Hour), sdktrace.WithMaxQueueSize(2*traced), sdktrace.WithMaxExportBatchSize(2*traced)))
	resource.Own(s, "traces", traces)
	records, err := otlploghttp.New(ctx, otlploghttp.WithEndpoint(addr), otlploghttp.WithInsecure())
	if err != nil {
		return nil, nil, err
	}
	logs := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(records, sdklog.WithExportInterval(time.Hour))))
	resource.Own(s, "logs", logs, "say") // beside the traces
	return traces.Tracer("test"), logs.Logger("test"), nil
}

// TestOpenTelemetry: what the last hook did is seen by the collector. Conformance 88.
func TestOpenTelemetry(t *testing.T) {
	t.Parallel()
	c, addr := startCollector(t)
	close(c.open)
	r, written := endObserved(t, addr, lastly.DefaultHookTimeout)
	r.Check(t, "exit 0")
	r.CheckLines(t, "ended worker: ok", "began db", "ended db: ok", "began telemetry", "ended telemetry/traces: ok",
		"ended telemetry: ok", "began log", "ended log: ok")
	c.mu.Lock()
	defer c.mu.Unlock()
	want := []string{"db closed", "run ended", "worker ended"}
	if !slices.Equal(sorted(c.logs), want) {
		t.Errorf("log records %q, want %q", c.logs, want)
	}
	for i := range traced {
		want = append(want, "work "+strconv.Itoa(i))
	}
	if !slices.Equal(sorted(c.spans), sorted(want)) {
		t.Errorf("%d spans arrived of %d", len(c.spans), len(want))
	}
	checkInOrder(t, written, "run ended", "worker ended", "db closed", "telemetry is over")
}

// TestCollectorHangs: telemetry that nobody takes delays the end by its own time, is reported as lost, and takes nothing
// with it.
func TestCollectorHangs(t *testing.T) {
	t.Parallel()
	c, addr := startCollector(t)
	defer close(c.open)
	r, written := endObserved(t, addr, 2*time.Second)
	r.Check(t, "exit 1")
	r.CheckLines(t, "began telemetry", "ended telemetry/traces: timed out", "began log", "ended log: ok")
	r.CheckErr(t, `hook "traces"`, `hook "logs"`)
	checkInOrder(t, written, "run ended", "worker ended", "db closed", "telemetry is over")
}

// endObserved ends the program by a signal, and returns its log as well.
func endObserved(t *testing.T, addr string, timeout time.Duration) (r testproc.Result, written string) {
	logFile := filepath.Join(t.TempDir(), "log")
	v := testproc.Start(t, "telemetry", addr, logFile, timeout.String())
	v.WaitLine("worked")
	v.Signal(syscall.SIGTERM)
	r = v.Wait()
	text, err := os.ReadFile(logFile)
	if err != nil {
		t.Fatal(err)
	}
	return r, string(text)
}

func checkInOrder(t *testing.T, text string, parts ...string) {
	t.Helper()
	rest := text
	for _, part := range parts {
		_, after, found := strings.Cut(rest, part)
		if !found {
			t.Errorf("no %q (of %q, in this order) in\n%s", part, parts, text)
			return
		}
		rest = after
	}
}
