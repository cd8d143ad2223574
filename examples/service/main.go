// Service is a small but real service on lastly: an HTTP server over a SQLite database, with a worker that batches
// writes, a log file, a folder for uploads and a child process that converts images.
//
//	go run ./examples/service -dir /tmp/rows
//
// Its parts live in packages of their own. Each registers its own hook, and knows of the others at most a name; who
// ends when follows from these names alone. They are put together in package app, once with lastly and once, for
// contrast, with plain defers.
package main

import "github.com/lastly-go/lastly/examples/service/app"

func main() { app.Main() }
