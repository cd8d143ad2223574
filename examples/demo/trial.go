package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/examples/service/app"
)

const (
	warmLimit = 60 * time.Second // for the load to get going, on a machine that has other things to do
	// How long a service may take to end. With lastly the limit is past every deadline of its own; by hand there is
	// none, and a service that hangs is given long enough to tell.
	patienceLastly = 35 * time.Second
	patienceDefers = 4 * time.Second
)

// hung stands for the exit status of a service that had to be killed because it did not end.
const hung = "hung"

// row is what became of one service that died one death.
type row struct {
	Death    string   `json:"death"`
	Clean    bool     `json:"clean"`                   // see judge
	Left     []string `json:"left"`                    // what was left behind
	Requests int      `json:"requests"`                // requests that the service accepted
	InFlight int      `json:"in_flight"`               // of these, those that the death met: answered after its moment, or never
	Lost     int      `json:"lost"`                    // of these, those that never got a whole answer with a status of 2xx
	Rows     int      `json:"rows"`                    // rows that the service acknowledged
	RowsLost int      `json:"rows_lost"`               // of these, those that are not in the database when it is opened again
	Exit     string   `json:"exit"`                    // exit code, or the signal that the service died of, or "hung"
	WantExit string   `json:"exit_expected,omitempty"` // what Exit must be; not asked of a row for contrast
	MS       int64    `json:"ms"`                      // from the moment of death until the process was gone
	Note     string   `json:"note,omitempty"`

	Watchers int      `json:"watchers"`        // clients that watched the live feed, over WebSocket and server-sent events
	Told     int      `json:"told"`            // of these, those that were told of the end
	Ready503 bool     `json:"ready_503_first"` // readiness said no before any request was refused
	ByNature []string `json:"by_nature"`       // what was left, or not saved, because the death allows of nothing else

	title    string // of the death, for the table
	outright bool
}

// judge decides whether a row is clean: nothing left, nothing lost, everybody told, and ended by itself, with the right
// status. Of a death outright nobody can ask to finish requests, or to tell anybody.
func (r *row) judge() {
	ended := r.Exit != hung && (r.WantExit == "" || r.Exit == r.WantExit)
	finished := r.outright || r.Lost == 0 && r.Told == r.Watchers
	r.Clean = ended && finished && len(r.Left) == 0 && r.RowsLost == 0
}

// trial runs one service in a folder of its own, puts the load on it, ends it by d, and looks at what is left.
func trial(ctx context.Context, dir string, d death, wiring string, w warmth, show *progress) (r row, err error) {
	name := d.name + "-" + wiring
	// Whatever goes wrong here, and wherever the demo itself is ended: service, child and collector go with this scope.
	scope := lastly.Process().Child(lastly.Hook{Name: name, Uses: []string{folderHook}})
	defer func() { err = errors.Join(err, scope.Close()) }()

	c, err := collectorFor(scope, d)
	if err != nil {
		return r, err
	}
	p, err := startProcess(ctx, scope, filepath.Join(dir, name), wiring, c)
	if err != nil {
		return r, err
	}
	clients, stopClients := context.WithCancel(ctx)
	a, err := startAudience(clients, p.url)
	defer a.wait()
	defer stopClients() // for the sake of errors: they have long stopped otherwise
	if err != nil {
		return r, err
	}
	l, err := startLoad(clients, p.url)
	if err != nil {
		return r, err
	}
	defer l.wait()
	defer stopClients()
	stopWatching := show.watch(l.now)
	defer stopWatching()

	return die(ctx, p, l, a, d, wiring, w)
}

// die is the death itself and what came of it.
func die(ctx context.Context, p *process, l *load, a *audience, d death, wiring string, w warmth) (row, error) {
	died, answered, err := kill(ctx, p, l, d, w)
	if err != nil {
		return row{}, fmt.Errorf("%s, %s: %w%s", d.name, wiring, err, p.said())
	}
	wasHung, err := p.wait(ctx, patience(wiring))
	if err != nil {
		return row{}, err
	}
	r := row{
		Death: d.name, title: d.title, outright: d.outright, Note: d.note,
		Exit: p.exit(), WantExit: d.exit, MS: time.Since(died).Milliseconds(),
	}
	if wasHung {
		r.Exit = hung
	}
	if wiring == app.Defers {
		r.WantExit, r.Note = "", d.hand // which status is right is a matter of taste by hand
	}
	if r.Left, r.ByNature, err = p.settled(ctx, wiring == app.Lastly, d.outright); err != nil {
		return r, err
	}
	if d.outright && wiring == app.Lastly {
		r.MS = time.Since(died).Milliseconds()
	}
	t := l.wait()
	r.InFlight = t.accepted - answered
	r.Requests, r.Lost, r.Rows = t.accepted, t.lost, len(t.acked)
	seen := a.wait()
	r.Watchers, r.Told = seen.watchers, seen.told
	r.Ready503 = !seen.notReady.IsZero() && seen.notReady.Before(t.refused)
	// First the look, then the restart: opening the database again tidies up behind the service.
	if r.RowsLost, err = p.missing(ctx, t.acked); err != nil {
		return r, err
	}
	r.judge()
	return r, nil
}

func patience(wiring string) time.Duration {
	if wiring == app.Defers {
		return patienceDefers
	}
	return patienceLastly
}

func collectorFor(scope *lastly.Scope, d death) (*collector, error) {
	if !d.hang {
		return nil, nil
	}
	c, err := startCollector()
	if err != nil {
		return nil, err
	}
	lastly.DeferIn(scope, "collector", c.close)
	return c, nil
}

// kill ends the service in the midst of its work, and returns when, and how many requests had been answered by then.
func kill(ctx context.Context, p *process, l *load, d death, w warmth) (died time.Time, answered int, err error) {
	warming, cancel := context.WithTimeout(ctx, warmLimit)
	defer cancel()
	if err := poll(warming, p.exited, func() bool { return l.warm(w) }); err != nil {
		return died, 0, fmt.Errorf("put load on the service: %w", err)
	}
	t := l.now()
	died, err = d.end(ctx, p)
	return died, t.accepted - t.inFlight, err
}
