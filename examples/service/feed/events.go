package feed

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Events is the handler that sends every row as an event "row" in JSON, and at last the event "end".
func (f *Feed[T]) Events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	send := func(event string, data any) error {
		text, err := json.Marshal(data)
		if err != nil {
			return fmt.Errorf("feed: %w", err)
		}
		out := http.NewResponseController(w)
		if err := out.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
			return fmt.Errorf("feed: %w", err)
		}
		if _, err := fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event, text); err != nil {
			return fmt.Errorf("feed: %w", err)
		}
		return out.Flush()
	}
	// Browsers connect again by themselves. Every one of them at once, and at a server that ends, would be of no use.
	if _, err := fmt.Fprint(w, "retry: 1000\n\n"); err != nil {
		return
	}
	if err := http.NewResponseController(w).Flush(); err != nil {
		return
	}
	f.watch(r, r.Context().Done(), func(row T) error { return send("row", row) }, func() error { return send("end", "the server ends; connect again") })
}
