package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// Clients that watch the service's live feed, and see for the whole time whether it wants requests.
const (
	socketClients = 3 // over a WebSocket
	streamClients = 3 // over server-sent events
	probeEvery    = 5 * time.Millisecond
)

// audience is all who watch one service.
type audience struct {
	url    string
	client http.Client
	wg     sync.WaitGroup

	mu       sync.Mutex // guards what follows
	seated   int        // watchers that are connected, or were
	told     int        // of these, those that were told of the end: by a close frame 1001, or a last event
	notReady time.Time  // when the service first said that it wants no more requests
}

// startAudience connects the watchers and returns when all of them watch. They stop when the service ends them, or with
// ctx; wait for them, also after an error.
func startAudience(ctx context.Context, url string) (*audience, error) {
	a := &audience{url: url}
	for i := range socketClients + streamClients {
		watch, err := a.connect(ctx, i < socketClients)
		if err != nil {
			return a, fmt.Errorf("watch the service's feed: %w", err)
		}
		a.seated++
		a.wg.Go(func() {
			if watch() {
				a.mu.Lock()
				defer a.mu.Unlock()
				a.told++
			}
		})
	}
	a.wg.Go(func() { a.probe(ctx) })
	return a, nil
}

// connect returns a function that watches to the end, and reports whether it was told of it.
func (a *audience) connect(ctx context.Context, socket bool) (watch func() bool, err error) {
	if socket {
		conn, _, err := websocket.Dial(ctx, a.url+"/feed", nil)
		return func() bool { return toldByFrame(ctx, conn) }, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url+"/events", nil)
	if err != nil {
		return nil, err
	}
	resp, err := a.client.Do(req)
	return func() bool { return toldByEvent(resp) }, err
}

// toldByFrame reads messages until the connection ends.
func toldByFrame(ctx context.Context, conn *websocket.Conn) bool {
	defer conn.CloseNow()
	for {
		if _, _, err := conn.Read(ctx); err != nil {
			return websocket.CloseStatus(err) == websocket.StatusGoingAway
		}
	}
}

// toldByEvent reads events until the answer ends. It is told if the last one says so, and the answer is whole.
func toldByEvent(resp *http.Response) bool {
	defer resp.Body.Close()
	last := ""
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if event, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			last = event
		}
	}
	return last == "end" && lines.Err() == nil
}

// probe asks whether the service wants requests, as a load balancer does, until it says no or nothing any more.
func (a *audience) probe(ctx context.Context) {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		status, err := a.ready(ctx)
		switch {
		case err != nil:
			return
		case status != http.StatusOK:
			a.mu.Lock()
			defer a.mu.Unlock()
			a.notReady = time.Now()
			return
		}
	}
}

func (a *audience) ready(ctx context.Context) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url+"/ready", nil)
	if err != nil {
		return 0, err
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

// outcome is what became of an audience.
type outcome struct {
	watchers int
	told     int
	notReady time.Time // zero: it never said so
}

// wait returns the outcome once everybody has stopped.
func (a *audience) wait() outcome {
	a.wg.Wait()
	a.client.CloseIdleConnections()
	a.mu.Lock()
	defer a.mu.Unlock()
	return outcome{a.seated, a.told, a.notReady}
}

// awaitReady waits until the service wants requests: its startup may still be busy when it has an address.
func (p *process) awaitReady(ctx context.Context) error {
	return poll(ctx, p.exited, func() bool {
		_, err := p.request(ctx, http.MethodGet, "/ready")
		return err == nil
	})
}
