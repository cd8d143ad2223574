package main

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/web"
)

// withLastly is all that a program with package web does. It does not return.
func withLastly(ln net.Listener, delay time.Duration) error {
	lastly.Main(func(ctx context.Context) error {
		server := &http.Server{Handler: service(web.Ready(lastly.Process()))}
		if err := web.Serve(lastly.Process(), server, ln, web.Options{DrainDelay: delay}); err != nil {
			return err
		}
		announce(ln)
		<-ctx.Done()
		return nil
	})
	return nil
}
