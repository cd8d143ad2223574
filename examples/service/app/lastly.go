package app

import (
	"context"
	"fmt"
	"os"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/examples/service/batch"
	"github.com/lastly-go/lastly/examples/service/convert"
	"github.com/lastly-go/lastly/examples/service/feed"
	"github.com/lastly-go/lastly/examples/service/instance"
	"github.com/lastly-go/lastly/examples/service/logfile"
	"github.com/lastly-go/lastly/examples/service/ops"
	"github.com/lastly-go/lastly/examples/service/store"
	"github.com/lastly-go/lastly/examples/service/telemetry"
	"github.com/lastly-go/lastly/examples/service/upload"
	"github.com/lastly-go/lastly/web"
)

// withLastly is the service wired with lastly. There is no shutdown code in it: every part has said by its hook what
// must be undone and what must outlive it.
func withLastly(o options) {
	// Before Main, so that the exit flow itself is logged into the file.
	log, err := open(lastly.Process(), o)
	if err != nil {
		lastly.Fatal(err)
	}
	lastly.Program{Logger: log.Logger}.Main(func(ctx context.Context) error {
		e := newEnding(lastly.Exit)
		if err := start(lastly.Process(), o, log, e); err != nil {
			fmt.Fprintf(os.Stderr, "service: %v\n", err) // whoever has just started it does not look into the log yet
			return err
		}
		return e.wait(ctx, nil)
	})
}

// open takes the folder, against a second instance, and opens the log in it.
func open(scope *lastly.Scope, o options) (*logfile.Log, error) {
	if err := instance.Register(scope, o.path(LockFile)); err != nil {
		return nil, err
	}
	return logfile.Register(scope, o.path(LogFile))
}

// start starts the service with every hook on scope. When it fails, what was already registered is undone with scope.
//
// The parts are made in the order in which one needs the other as a value. The order in which they end is not written
// here: it follows from the names in their hooks.
//
//	api address -> api -> batch   -> store
//	                   -> convert -> upload
//	                   -> upload
//	ops, telemetry, log -> instance: after all of these
func start(scope *lastly.Scope, o options, log *logfile.Log, e *ending) error {
	uploads, err := upload.Register(scope, o.path(UploadFolder))
	if err != nil {
		return err
	}
	cmd, err := converterCommand()
	if err != nil {
		return err
	}
	converter, err := convert.Register(scope, cmd)
	if err != nil {
		return err
	}
	db, err := store.Register(scope, o.database())
	if err != nil {
		return err
	}
	live := feed.New[store.Row](web.Draining)
	worker := batch.Register(scope, storing(db, live))
	figures := telemetry.Register(scope, o.collector)

	server := parts{log, figures, worker, live, uploads, converter}.server(o, e)
	ready := web.Ready(scope)
	ready.Gate("database", db.Prepare) // no requests, please, before it has answered
	server.Handle("GET /ready", ready)
	server.Handle("GET /live", web.Live())
	if err := ops.Register(scope, o.path(SocketFile), ready); err != nil {
		return err
	}
	addr, err := server.Register(scope, o.addr, o.path(AddressFile))
	if err != nil {
		return err
	}
	announce(addr)
	return nil
}
