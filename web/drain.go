package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// A server's end has four parts, each with its last moment.
type plan struct {
	began    time.Time
	delayed  bool      // there is a delay
	listen   time.Time // it is over
	contexts time.Time // the contexts of what is in flight end
	force    time.Time // the connections are closed
	leave    time.Time // the hook returns
}

const (
	// maxMargin is how long before the end of its time, at most, a server ends its requests' contexts.
	maxMargin = time.Second

	// minDrain is what the delay leaves to the drain, when there is that much.
	minDrain = 5 * time.Second

	// lastCall is how long connections on which nothing is under way stay open after the listener is closed, when there
	// was a delay: a request may be on its way. It is also how long one that has arrived may take to its handler.
	lastCall = 100 * time.Millisecond

	// unusedAge is when a connection over which nothing has come yet counts as one that its client does not need: clients
	// make more than they use, and use them later.
	unusedAge = time.Second

	// afterEnd is how long a hook whose time was cut short may still wait for handlers: it is abandoned soon.
	afterEnd = 50 * time.Millisecond
)

func makePlan(ctx context.Context, c *closing, set *settings) plan {
	p := plan{began: time.Now()}
	end, ok := ctx.Deadline()
	if !ok {
		end = p.began.Add(set.timeout())
	}
	has := max(0, end.Sub(p.began))
	margin := min(has/5, maxMargin)
	at, cause := c.began()
	delay := set.delayFor(cause)
	p.delayed, p.listen = delay > 0, at.Add(delay)
	if latest := end.Add(-min(has/2, minDrain)); p.listen.After(latest) {
		p.listen = latest
	}
	p.contexts, p.force, p.leave = end.Add(-margin), end.Add(-margin/2), end.Add(-margin*3/8)
	return p
}

// run is the hook.
func (v *server) run(ctx context.Context) error {
	defer v.closing.unwatch()
	p := makePlan(ctx, v.closing, &v.set)
	// By half of the delay most clients have heard: an HTTP/2 connection that is used all the same is told to go.
	farewell := time.AfterFunc(time.Until(p.listen)/2, func() { v.tracker.farewell.Store(true) })
	defer farewell.Stop()
	linger(ctx, p, v.served)

	closeErr := v.beginDrain()
	v.settle(ctx, p)
	stop := v.shutdown()
	defer stop()
	if v.await(ctx, p.contexts) {
		v.cancel(nil)
		return closeErr
	}
	return errors.Join(closeErr, v.force(ctx, p))
}

// beginDrain tells everybody that the delay is over, and closes the listener.
func (v *server) beginDrain() error {
	v.ending.Store(true)
	v.tracker.draining.Store(true)
	close(v.drain)
	if err := v.ln.Close(); err != nil && !goneByClose(err) {
		return fmt.Errorf("lastly: drain: %s: close the listener: %w", strconv.Quote(v.set.Name), err)
	}
	return nil
}

// settle lets come to an end what clients are about to do when the listener closes. net/http drops a request that it reads
// after Shutdown began, so that comes when nothing is to be expected any more.
func (v *server) settle(ctx context.Context, p plan) {
	half := time.Now().Add(time.Until(p.contexts) / 2) // the rest is for what RegisterOnShutdown began
	soon := func(d time.Duration) time.Time { return earlier(time.Now().Add(d), half) }
	if p.delayed {
		v.await(ctx, soon(lastCall))
	}
	v.http.SetKeepAlivesEnabled(false) // closes what is idle; what still comes on other connections is answered
	v.ln.closeUnused(unusedAge)
	v.awaitThat(ctx, soon(unusedAge), func() bool { return v.ln.countUnused() == 0 })
	v.ln.closeUnused(0)
	v.await(ctx, soon(lastCall)) // a request may have arrived over one that is used now
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// force ends what is in flight: first by its contexts, then by its connections.
func (v *server) force(ctx context.Context, p plan) error {
	cut := v.markCut()
	v.cancel(ErrTimeOver)
	if !v.awaitOrRush(ctx, p.force) {
		cut = append(cut, v.markUnsent()...)
		v.closeAll()
		v.awaitOrRush(ctx, p.leave)
	}
	return v.cutError(cut, time.Since(p.began))
}

// awaitOrRush is await when the time is almost over. If ctx ends sooner than planned, there is just time for handlers that
// hear of it at once.
func (v *server) awaitOrRush(ctx context.Context, until time.Time) bool {
	if v.await(ctx, until) || ctx.Err() == nil {
		return v.isQuiet()
	}
	return v.await(context.WithoutCancel(ctx), time.Now().Add(afterEnd))
}

// linger waits until the delay is over, while the server still serves.
func linger(ctx context.Context, p plan, served <-chan struct{}) {
	timer := time.NewTimer(time.Until(p.listen))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done(): // there is less time than there was
	case <-served: // nobody can come any more
	}
}

// shutdown begins http.Server.Shutdown. What it returns ends it.
func (v *server) shutdown() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { // ends when all connections are closed, or with cancel
		_ = v.http.Shutdown(ctx) // the listener's error is known
		close(done)
	}()
	return func() {
		cancel()
		<-done
	}
}

// await waits until nothing is in flight, and reports whether that came before the given moment and the end of ctx.
func (v *server) await(ctx context.Context, until time.Time) bool {
	return v.awaitThat(ctx, until, v.isQuiet)
}

// awaitThat waits until something holds that can come true only when the tracker is told of a change.
func (v *server) awaitThat(ctx context.Context, until time.Time, holds func() bool) bool {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	served := v.served
	for !holds() {
		select {
		case <-v.tracker.quiet:
		case <-served:
			served = nil
		case <-timer.C:
			return holds()
		case <-ctx.Done():
			return holds()
		}
	}
	return true
}

func (v *server) isQuiet() bool {
	select {
	case <-v.served:
	default:
		return false
	}
	return v.tracker.inFlight.Load() == 0 && v.open.Load() == 0 && v.ln.countTaken() == 0
}

// markCut notes what is in flight when the time is over, and returns the titles: each request once, also when its handler
// took the connection over.
func (v *server) markCut() (titles []string) {
	taken := v.ln.markCut()
	for c := range taken {
		titles = append(titles, c.title)
	}
	v.tracker.each(func(n *request) {
		n.cut = true
		if c := undress(n.taken); c == nil || !taken[c] {
			titles = append(titles, n.title())
		}
	})
	v.cut.Add(int64(len(titles)))
	return titles
}

// markUnsent notes what is to be cut though its handler has returned, and returns it in words.
func (v *server) markUnsent() (titles []string) {
	inFlight := make(map[*cell]bool)
	v.tracker.each(func(n *request) { inFlight[n.cell] = true })
	for _, c := range v.ln.stillSending(inFlight) {
		titles = append(titles, "an answer on its way to "+c.RemoteAddr().String())
		if c.cell.phase.Load() == phaseDrained {
			v.tracker.drained.Add(-1)
		}
	}
	v.tracker.unsent.Add(int64(len(titles)))
	v.cut.Add(int64(len(titles)))
	return titles
}

// closeAll closes every connection: those of TLS below it, whose goodbye would make what was cut off look whole, and can take
// five seconds when the client does not read.
func (v *server) closeAll() {
	var foreign []net.Conn
	v.foreign.Range(func(nc, _ any) bool {
		foreign = append(foreign, nc.(net.Conn))
		return true
	})
	v.tracker.each(func(n *request) {
		if n.taken != nil && undress(n.taken) == nil {
			foreign = append(foreign, n.taken)
		}
	})
	for _, nc := range foreign {
		if t, ok := nc.(*tls.Conn); ok {
			nc = t.NetConn()
		}
		_ = nc.Close()
	}
	for _, c := range v.ln.list(func(*conn) bool { return true }) {
		_ = c.Close()
	}
	_ = v.http.Close() // the listener's error is known
}

func (v *server) cutError(titles []string, after time.Duration) error {
	if len(titles) == 0 {
		return nil
	}
	return &CutError{
		Server: v.set.Name, Cut: len(titles), What: firstFew(titles), After: after,
		Running: int(v.tracker.inFlight.Load()),
	}
}
