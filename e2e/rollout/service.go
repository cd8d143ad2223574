package main

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"time"
)

// The paths of the service, and the parameters of workPath: a name that the answer repeats, and how long it takes.
const (
	readyPath = "/ready"
	workPath  = "/work"
	nameParam = "name"
	waitParam = "wait"
)

// service is what the instances serve, however they end.
func service(ready http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(readyPath, ready)
	mux.HandleFunc(workPath, work)
	return mux
}

// work waits as long as it is told, and answers with the body of the request, or with the name if it has none.
func work(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	wait, err := time.ParseDuration(cmp.Or(r.FormValue(waitParam), "0s"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			return // the client has gone, or the server cuts what takes too long
		}
	}
	if len(body) == 0 {
		fmt.Fprint(w, r.FormValue(nameParam))
		return
	}
	_, _ = w.Write(body)
}
