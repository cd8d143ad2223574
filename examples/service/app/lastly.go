package app

import (
	"context"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/examples/service/api"
	"github.com/lastly-go/lastly/examples/service/batch"
	"github.com/lastly-go/lastly/examples/service/convert"
	"github.com/lastly-go/lastly/examples/service/logfile"
	"github.com/lastly-go/lastly/examples/service/store"
	"github.com/lastly-go/lastly/examples/service/telemetry"
	"github.com/lastly-go/lastly/examples/service/upload"
)

// withLastly is the service wired with lastly. There is no shutdown code in it: every part has said by its hook what
// must be undone and what must outlive it.
func withLastly(o options) {
	// Before Main, so that the exit flow itself is logged into the file.
	log, err := logfile.Register(lastly.Process(), o.path(LogFile))
	if err != nil {
		lastly.Fatal(err)
	}
	lastly.Program{Logger: log.Logger}.Main(func(ctx context.Context) error {
		e := newEnding(lastly.Exit)
		server, err := start(lastly.Process(), o, log, e)
		if err != nil {
			return err
		}
		return e.wait(ctx, server.Failed())
	})
}

// start starts the service with every hook on scope. When it fails, what was already registered is undone with scope.
//
// The parts are made in the order in which one needs the other as a value. The order in which they end is not written
// here: it follows from the names in their hooks.
//
//	api (server, address file) -> batch   -> store
//	                           -> convert -> upload
//	                           -> upload
//	log, telemetry: after all of these
func start(scope *lastly.Scope, o options, log *logfile.Log, e *ending) (*api.Server, error) {
	uploads, err := upload.Register(scope)
	if err != nil {
		return nil, err
	}
	cmd, err := converterCommand()
	if err != nil {
		return nil, err
	}
	converter, err := convert.Register(scope, cmd)
	if err != nil {
		return nil, err
	}
	db, err := store.Register(scope, o.path(DatabaseFile))
	if err != nil {
		return nil, err
	}
	worker := batch.Register(scope, db.Insert)
	figures := telemetry.Register(scope, o.collector)

	server := parts{log, figures, worker, uploads, converter}.server(o, e)
	addr, err := server.Register(scope, o.addr, o.path(AddressFile))
	if err != nil {
		return nil, err
	}
	announce(addr)
	return server, nil
}
