package journal

import (
	"os"
	"sync"
)

// A group lets concurrent writers share one fdatasync: what was written before it began is on disk when it has ended.
type group struct {
	sync func() error // one fdatasync

	mu      sync.Mutex // guards what follows; not held during sync
	ended   *sync.Cond // of mu: a sync has ended
	running bool
	written uint64 // how many writers asked
	synced  uint64 // how many of these are on disk
	err     error  // of a sync that failed: for good, for the kernel forgets what it could not write
}

func newGroup(f *os.File) *group {
	g := &group{sync: func() error { return dataSync(f) }}
	g.ended = sync.NewCond(&g.mu)
	return g
}

// commit returns when what the caller has written before is on disk. One of the callers does it for all that wait.
func (g *group) commit() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.written++
	mine := g.written
	for g.synced < mine && g.err == nil {
		if g.running {
			g.ended.Wait()
			continue
		}
		g.running = true
		covers := g.written
		g.mu.Unlock()
		err := g.sync()
		g.mu.Lock()
		g.running = false
		if err == nil {
			g.synced = covers
		} else {
			g.err = err
		}
		g.ended.Broadcast()
	}
	if g.synced >= mine {
		return nil
	}
	return g.err
}
