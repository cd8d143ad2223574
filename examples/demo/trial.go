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

	title string // of the death, for the table
}

// judge decides whether a row is clean: nothing left, nothing lost, and ended by itself, with the right status.
func (r *row) judge() {
	ended := r.Exit != hung && (r.WantExit == "" || r.Exit == r.WantExit)
	r.Clean = ended && len(r.Left) == 0 && r.Lost == 0 && r.RowsLost == 0
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
	loading, stopLoad := context.WithCancel(ctx)
	l, err := startLoad(loading, p.url)
	if err != nil {
		stopLoad()
		return r, err
	}
	defer l.wait() // for the sake of errors below: the load has long stopped otherwise
	defer stopLoad()
	stopWatching := show.watch(l.now)
	defer stopWatching()

	return die(ctx, p, l, d, wiring, w)
}

// die is the death itself and what came of it.
func die(ctx context.Context, p *process, l *load, d death, wiring string, w warmth) (row, error) {
	died, answered, err := kill(ctx, p, l, d, w)
	if err != nil {
		return row{}, fmt.Errorf("%s, %s: %w%s", d.name, wiring, err, p.said())
	}
	wasHung, err := p.wait(ctx, patience(wiring))
	if err != nil {
		return row{}, err
	}
	r := row{
		Death: d.name, title: d.title, Note: d.note,
		Exit: p.exit(), WantExit: d.exit, MS: time.Since(died).Milliseconds(),
	}
	if wasHung {
		r.Exit = hung
	}
	if wiring == app.Defers {
		r.WantExit, r.Note = "", d.hand // which status is right is a matter of taste by hand
	}
	t := l.wait()
	r.InFlight = t.accepted - answered
	return r, r.inspect(ctx, p, t)
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

// inspect fills in what is to be seen once the service is gone.
func (r *row) inspect(ctx context.Context, p *process, t tally) (err error) {
	r.Requests, r.Lost, r.Rows = t.accepted, t.lost, len(t.acked)
	// First the look, then the restart: opening the database again tidies up behind the service.
	if r.Left, err = p.left(); err != nil {
		return err
	}
	if r.RowsLost, err = p.missing(ctx, t.acked); err != nil {
		return err
	}
	r.judge()
	return nil
}
