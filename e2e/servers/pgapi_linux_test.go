package servers

import (
	"context"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/testproc"
	"github.com/lastly-go/lastly/resource"
	"github.com/lastly-go/lastly/web"
)

// serveOrders is a web service with a database: requests write orders, a worker counts them, everything logs.
func serveOrders(ctx context.Context, args []string) error {
	log, err := os.Create("log")
	if err != nil {
		return err
	}
	resource.Own(lastly.Process().Child(lastly.Hook{Name: "log", Last: true}), "file", log)
	pool, err := pgxpool.New(ctx, args[0])
	if err != nil {
		return err
	}
	resource.Own(lastly.Process(), "db", pool)
	lastly.Go("worker", func(ctx context.Context) error { return countOrders(ctx, pool) })
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
		if err == nil {
			err = writePool(r.Context(), pool, id)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusCreated)
	})
	if err := web.Serve(lastly.Process(), &http.Server{Handler: mux}, ln, web.Options{Name: "http", DrainDelay: -1}); err != nil {
		return err
	}
	testproc.Say("addr %s", ln.Addr())
	<-ctx.Done()
	return nil
}

// countOrders uses the database until its place in the order comes.
func countOrders(ctx context.Context, pool *pgxpool.Pool) error {
	for {
		var n int
		if err := pool.QueryRow(context.WithoutCancel(ctx), `SELECT count(*) FROM orders`).Scan(&n); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Millisecond):
		}
	}
}

// pgServed ends a web service under load. Nothing is lost on either side: each order that is stored was acknowledged, and
// each that was acknowledged is stored. What uses the database ends before it, and the log is last. Conformance 75, 83, 88.
func pgServed(t *testing.T, p *postgres) {
	const application = "served"
	p.exec(t, `TRUNCATE orders, lines`)
	v := testproc.Start(t, "pg served", p.dsn(application))
	waitSaid(t, v, "addr", 1)
	url := "http://" + said(v.Output(), "addr")[0] + "/orders/"
	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	defer transport.CloseIdleConnections()
	var count atomic.Int64
	var mu sync.Mutex
	var acknowledged []int
	var callers sync.WaitGroup
	for i := range 8 {
		callers.Go(func() {
			for id := i; ; id += 8 {
				if !postOrder(t, transport, url+strconv.Itoa(id)) {
					return
				}
				count.Add(1)
				mu.Lock()
				acknowledged = append(acknowledged, id)
				mu.Unlock()
			}
		})
	}
	testproc.Poll(t, "100 orders", func() bool { return count.Load() >= 100 || v.Gone() })
	v.Signal(syscall.SIGTERM)
	callers.Wait()
	r := v.Wait()
	r.Check(t, "exit 0")
	r.CheckLines(t, "ended http: ok", "began worker", "ended worker: ok", "began db", "ended db: ok", "began log/file", "ended log/file: ok")
	p.checkLeave(t, application)
	slices.Sort(acknowledged)
	if stored := find[int](t, p, `SELECT id FROM orders ORDER BY id`); !slices.Equal(stored, acknowledged) {
		t.Errorf("%d orders are stored, %d acknowledged:\n%v\n%v", len(stored), len(acknowledged), stored, acknowledged)
	}
	t.Logf("%d orders", len(acknowledged))
}

// postOrder returns false when the service is gone.
func postOrder(t *testing.T, transport http.RoundTripper, url string) bool {
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, nil)
	if err != nil {
		t.Error(err)
		return false
	}
	resp, err := transport.RoundTrip(request)
	if err != nil {
		return false
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusCreated {
		t.Errorf("%s: %s, %v", url, resp.Status, err)
		return false
	}
	return true
}
