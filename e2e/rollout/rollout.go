package main

import (
	"context"
	"fmt"
	"time"
)

// settings say how much of everything there is.
type settings struct {
	requests int
	restarts int
	rate     int // requests per second
	clients  int
	poll     time.Duration // of the proxy, for readiness
	delay    time.Duration // from what it saw to its effect
	drain    time.Duration // how long an instance with a drain delay goes on serving
}

// instances is how many there are between restarts.
const instances = 2

// A stage is where one wiring is tried.
type stage struct {
	settings
	wiring
	proxy   *proxy      // nil if the port is shared
	all     []*instance // in the order in which they were started
	told    int         // the first of them, that were told to end
	endings chan ending // of those; it never blocks
	addr    string      // where requests are sent to
}

// An ending is how an instance that was told to end did.
type ending struct {
	took time.Duration
	err  error
}

// try tries a wiring. Nothing of it is left when it returns.
func (s settings) try(ctx context.Context, w wiring) (row, error) {
	begin := time.Now()
	st := &stage{settings: s, wiring: w, endings: make(chan ending, s.restarts)}
	defer st.close()
	if err := st.open(ctx); err != nil {
		return row{}, fmt.Errorf("%s: %w", w.name, err)
	}
	r := row{Wiring: w.name, MustBeClean: w.clean}
	t, err := st.perform(ctx, &r)
	if err != nil {
		return row{}, fmt.Errorf("%s: %w", w.name, err)
	}
	r.Requests, r.Lost = t.sent, t.lost
	r.Seconds = time.Since(begin).Seconds()
	return r, nil
}

func (st *stage) open(ctx context.Context) (err error) {
	if !st.shared {
		if st.proxy, err = newProxy(st.clients, st.poll, st.delay); err != nil {
			return err
		}
		st.addr = st.proxy.listener.Addr().String()
	}
	for range instances {
		if err := st.add(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (st *stage) close() {
	for _, i := range st.all {
		i.kill()
	}
	if st.proxy != nil {
		st.proxy.close()
	}
}

// perform restarts instances under load, and returns what the load met. It fills in what the restarts were like.
func (st *stage) perform(ctx context.Context, r *row) (tally, error) {
	whole := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	enough, result := make(chan struct{}), make(chan tally, 1)
	l := load{base: st.addr, requests: st.requests, rate: st.rate, clients: st.clients, fresh: st.most > 0}
	go func() { result <- l.run(ctx, enough) }() // ends after enough, or with the context
	err := st.roll(ctx, r)
	if err != nil {
		cancel()
	}
	close(enough)
	t := <-result
	if whole.Err() != nil {
		return t, context.Cause(whole)
	}
	return t, err
}

// roll restarts instances, spread over the time that the load takes at least, and waits until the old ones have ended. As in
// Kubernetes, the next restart does not wait for that.
func (st *stage) roll(ctx context.Context, r *row) error {
	if st.still {
		return nil
	}
	ticker := time.NewTicker(max(time.Millisecond, time.Second*time.Duration(st.requests)/time.Duration(st.rate*(st.restarts+1))))
	defer ticker.Stop()
	for range st.restarts {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := st.restart(ctx); err != nil {
			return err
		}
	}
	for range st.restarts {
		e := <-st.endings // comes, for instances that don't end are killed
		if e.err != nil {
			return e.err
		}
		r.Restarts++
		r.SlowestExit = max(r.SlowestExit, e.took.Seconds())
	}
	return nil
}

// restart starts an instance, and tells the oldest one to end.
func (st *stage) restart(ctx context.Context) error {
	if err := st.add(ctx); err != nil {
		return err
	}
	old := st.all[st.told]
	st.told++
	go func() { // ends when the instance has, or is killed because it took too long
		took, err := old.end(st.ends)
		if old.at != nil {
			close(old.at.gone)
		}
		st.endings <- ending{took, err}
	}()
	return nil
}

// add starts an instance and waits until it gets requests.
func (st *stage) add(ctx context.Context) error {
	a := assignment{Role: st.role, Addr: "127.0.0.1:0", Shared: st.shared, Most: st.most, Delay: st.drain}
	if st.shared && st.addr != "" {
		a.Addr = st.addr
	}
	i, err := startInstance(ctx, a)
	if err != nil {
		return err
	}
	st.all = append(st.all, i)
	if st.shared {
		st.addr = i.addr()
		return nil
	}
	i.at = st.proxy.follow(i.addr(), st.proxy.to(i.addr()))
	limit := time.NewTimer(endLimit)
	defer limit.Stop()
	select {
	case <-i.at.in:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-limit.C:
		return fmt.Errorf("an instance was not ready within %v", endLimit)
	}
}
