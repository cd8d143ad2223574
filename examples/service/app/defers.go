package app

import (
	"context"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/lastly-go/lastly/examples/service/api"
	"github.com/lastly-go/lastly/examples/service/batch"
	"github.com/lastly-go/lastly/examples/service/convert"
	"github.com/lastly-go/lastly/examples/service/feed"
	"github.com/lastly-go/lastly/examples/service/logfile"
	"github.com/lastly-go/lastly/examples/service/store"
	"github.com/lastly-go/lastly/examples/service/telemetry"
	"github.com/lastly-go/lastly/examples/service/upload"
)

// withDefers is the same service with its shutdown wired by hand, for contrast. It is meant to be fair: careful code of
// the kind that most services have. Everything that is opened has its defer beside it, in the right order; the server
// drains its requests and tells those who watch, the worker drains its queue, the child is awaited, uploads are written
// beside their target; SIGINT is handled as in the examples of os/signal and net/http. What it lacks is what a defer can't
// know of: it runs when its function returns, and in no other death. The lock and the operators' socket are not here, since
// nothing is shown by their absence. It is one long function because its defers have to be.
func withDefers(o options) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	logger, err := logfile.Open(o.path(LogFile))
	if err != nil {
		log.Fatal(err)
	}
	defer logger.Close()

	figures := telemetry.New(o.collector)
	defer figures.Push(context.Background())

	db, err := store.Open(o.database())
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	if err := db.Prepare(ctx); err != nil {
		log.Fatal(err)
	}

	draining := make(chan struct{})
	live := feed.New[store.Row](func(context.Context) <-chan struct{} { return draining })
	worker := batch.New(storing(db, live))
	defer runWorker(worker)()

	uploads, err := upload.Open(o.path(UploadFolder))
	if err != nil {
		log.Fatal(err)
	}
	defer uploads.Close()

	converter, err := startConverter()
	if err != nil {
		log.Fatal(err)
	}
	defer converter.Stop(context.Background())

	e := newEnding(os.Exit)
	server := parts{logger, figures, worker, live, uploads, converter}.server(o, e)
	server.OnShutdown(func() { close(draining) })
	server.Handle("GET /ready", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})) // it answers, hence it is
	ln, err := net.Listen("tcp", o.addr)
	if err != nil {
		log.Fatal(err)
	}
	server.Start(ln)
	defer shutdown(server)
	if err := api.WriteAddress(o.path(AddressFile), ln.Addr()); err != nil {
		log.Fatal(err)
	}
	defer api.RemoveAddress(o.path(AddressFile))
	announce(ln.Addr())

	if err := e.wait(ctx, server.Failed()); err != nil {
		log.Fatal(err) // none of the defers above runs
	}
}

// runWorker starts the worker and returns what ends it.
func runWorker(w *batch.Worker[store.Row]) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = w.Run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

func startConverter() (*convert.Converter, error) {
	cmd, err := converterCommand()
	if err != nil {
		return nil, err
	}
	return convert.Start(cmd)
}

func shutdown(server *api.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		log.Print(err)
	}
}
