package app

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"

	"github.com/lastly-go/lastly/examples/service/api"
	"github.com/lastly-go/lastly/examples/service/batch"
	"github.com/lastly-go/lastly/examples/service/convert"
	"github.com/lastly-go/lastly/examples/service/feed"
	"github.com/lastly-go/lastly/examples/service/logfile"
	"github.com/lastly-go/lastly/examples/service/store"
	"github.com/lastly-go/lastly/examples/service/telemetry"
	"github.com/lastly-go/lastly/examples/service/upload"
)

// This file holds what is the same in both wirings.

// parts are the parts that the server stands on.
type parts struct {
	log       *logfile.Log
	telemetry *telemetry.Telemetry
	worker    *batch.Worker[store.Row]
	feed      *feed.Feed[store.Row]
	uploads   *upload.Folder
	converter *convert.Converter
}

// storing returns what the worker commits rows by: into db, and then to whoever watches.
func storing(db *store.Store, live *feed.Feed[store.Row]) func(context.Context, []store.Row) error {
	return func(ctx context.Context, rows []store.Row) error {
		if err := db.Insert(ctx, rows); err != nil {
			return err
		}
		live.Publish(rows)
		return nil
	}
}

// server is a server over p, with the demo's handlers if o asks for them.
func (p parts) server(o options, e *ending) *api.Server {
	server := api.New(api.Backend{
		Add: func(ctx context.Context, id, text string) error {
			return p.worker.Add(ctx, store.Row{ID: id, Text: text})
		},
		Save:    p.uploads.Save,
		Temp:    p.uploads.Temp,
		Convert: p.converter.Convert,
		Count:   p.telemetry.Count,
		Log:     p.log.Logger,
	})
	server.Handle("GET /feed", http.HandlerFunc(p.feed.WebSocket))
	server.Handle("GET /events", http.HandlerFunc(p.feed.Events))
	p.telemetry.Add("watchers", func() fmt.Stringer { return p.feed.Counts() })
	if o.endings {
		server.Handle("POST /end/{how}", e)
		server.Handle("GET /converter", pidHandler(p.converter.PID()))
	}
	return server
}

// converterCommand is this program again, in the role of the child process.
func converterCommand() (*exec.Cmd, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("service: find the program to start as the converter: %w", err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), RoleEnv+"="+RoleConverter)
	cmd.Stderr = os.Stderr
	return cmd, nil
}

// announce tells whoever started the service by hand where it is.
func announce(addr net.Addr) { fmt.Printf("serving http://%s\n", addr) }
