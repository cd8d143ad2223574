// Service is a small but whole service on lastly: an HTTP server over a database, with a live feed over WebSocket and
// server-sent events, a worker that batches writes, a folder of uploads, a child process that converts images, a log file,
// a lock against a second instance, and a socket for operators.
//
//	mkdir /tmp/rows
//	go run ./examples/service -dir /tmp/rows
//	curl -d hello http://ADDRESS/rows/1                # store a row
//	curl -N http://ADDRESS/events                      # watch rows; GET /feed is the same as a WebSocket
//	curl --unix-socket /tmp/rows/ops.sock http://ops/plan
//
// ADDRESS is in /tmp/rows/service.addr. End it in any way, kill -9 included, and look at what is left: the rows, the
// uploads, the log, and a lock file that nobody holds. With DATABASE_URL=postgres://... in the environment the rows are in
// PostgreSQL, else in a SQLite file. LASTLY_DRAIN_DELAY=5s is how long it goes on listening after a signal once its
// readiness probe, GET /ready, says no.
//
// Its parts live in packages of their own. Each registers its own hook, in a few lines of its hook.go, and knows of the
// others at most a name; who ends when follows from these names alone. They are put together in package app, once with
// lastly and once, for contrast, with plain defers.
package main

import "github.com/lastly-go/lastly/examples/service/app"

func main() { app.Main() }
