package matrix

import (
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// A server is the other service that victims make requests to. It counts, by row.
type server struct {
	http http.Server
	ln   net.Listener
	done chan struct{} // closed when Serve has returned

	mu   sync.Mutex // guards what follows
	asks map[string]int
	keys map[string]string // the first idempotency key of each row
	odd  map[string]string // what was wrong with a row's requests
}

func startServer() (*server, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the service for requests: %w", err)
	}
	s := &server{ln: ln, done: make(chan struct{}), asks: make(map[string]int), keys: make(map[string]string), odd: make(map[string]string)}
	s.http.Handler = s
	s.http.ReadHeaderTimeout = 10 * time.Second
	go func() { // until close
		defer close(s.done)
		_ = s.http.Serve(ln)
	}()
	return s, nil
}

func (s *server) close() {
	_ = s.http.Close()
	<-s.done
}

// url is what a row requests.
func (s *server) url(row string) string { return fmt.Sprintf("http://%s/seats/%s", s.ln.Addr(), row) }

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	row, key := r.URL.Path[len("/seats/"):], r.Header.Get("Idempotency-Key")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asks[row]++
	switch {
	case r.Method != http.MethodDelete:
		s.odd[row] = "the method was " + r.Method
	case key == "":
		s.odd[row] = "a request had no Idempotency-Key"
	case s.keys[row] != "" && s.keys[row] != key:
		s.odd[row] = "one record had two Idempotency-Keys"
	}
	s.keys[row] = key
	w.WriteHeader(http.StatusNoContent)
}

func (s *server) times(row string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asks[row]
}

func (s *server) problem(row string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.odd[row]
}
