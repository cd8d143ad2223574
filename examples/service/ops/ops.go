// Package ops lets whoever operates the service look into it, over a unix socket that only they can reach:
//
//	GET /plan   what would end in which order; while the service ends, what has, what does, and what has not yet
//	GET /ready  the readiness probe, as for the load balancer
//
// Try it: curl --unix-socket DIR/ops.sock http://ops/plan
package ops

import (
	"fmt"
	"net/http"
	"time"

	"github.com/lastly-go/lastly"
)

// server answers about scope.
func server(scope *lastly.Scope, ready http.Handler) *http.Server {
	mux := http.NewServeMux()
	mux.Handle("GET /ready", ready)
	mux.HandleFunc("GET /plan", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, scope.Report()) // who has gone needs no answer
	})
	return &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
}
