// Package telemetry counts requests and pushes the count, and other figures, to a collector when the program ends.
package telemetry

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
)

// Telemetry counts for one collector. Its methods may be called concurrently.
type Telemetry struct {
	collector string
	requests  atomic.Int64
	figures   []figure
}

// A figure is what somebody else counts.
type figure struct {
	name  string
	value func() fmt.Stringer
}

// New returns a counter for the collector at a URL. With none, "", it counts for nobody.
func New(collector string) *Telemetry { return &Telemetry{collector: collector} }

// Count counts one request.
func (t *Telemetry) Count() { t.requests.Add(1) }

// Add has Push ask for one more figure. It must not be called beside Push.
func (t *Telemetry) Add(name string, value func() fmt.Stringer) {
	t.figures = append(t.figures, figure{name, value})
}

// Push posts the figures and waits for the collector's answer until ctx ends.
func (t *Telemetry) Push(ctx context.Context) error {
	if t.collector == "" {
		return nil
	}
	text := fmt.Sprintf("requests %d\n", t.requests.Load())
	for _, f := range t.figures {
		text += fmt.Sprintf("%s %v\n", f.name, f.value())
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.collector, strings.NewReader(text))
	if err != nil {
		return fmt.Errorf("telemetry: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("telemetry: push: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("telemetry: push to %s: %s", t.collector, resp.Status)
	}
	return nil
}
