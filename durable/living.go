package durable

import (
	"os"
	"sync"
	"time"

	"github.com/lastly-go/lastly/internal/journal"
	"github.com/lastly-go/lastly/internal/proc"
)

// neighbours are the other journals in a folder, for the question whether a living owner has registered a path. One pass may
// ask it ten thousand times, so what was read is kept until the files change.
type neighbours struct {
	dir, except string

	mu      sync.Mutex // guards what follows
	listed  time.Time  // when the folder was changed, at the last look
	paths   []string
	journal map[string]*neighbour
}

type neighbour struct {
	changed time.Time
	removes map[string]bool
}

// livingNames returns the question, for everybody but the owner of one journal.
func livingNames(dir, except string) func(path string) bool {
	n := &neighbours{dir: dir, except: except, journal: make(map[string]*neighbour)}
	return n.name
}

func (n *neighbours) name(path string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.list(); err != nil {
		return true // who can't look must not touch
	}
	for _, at := range n.paths {
		if at != n.except && n.removes(at)[path] && lives(at) {
			return true
		}
	}
	return false
}

func (n *neighbours) list() error {
	info, err := os.Stat(n.dir)
	if err != nil || info.ModTime().Equal(n.listed) && !recent(n.listed) {
		return err
	}
	n.listed = info.ModTime()
	n.paths, err = list(n.dir)
	return err
}

// recent: a change within the same tick of the clock would not be seen.
func recent(t time.Time) bool { return time.Since(t) < 50*time.Millisecond }

// removes returns the paths that records of a journal are about removing.
func (n *neighbours) removes(at string) map[string]bool {
	info, err := os.Lstat(at)
	if err != nil {
		return nil
	}
	known := n.journal[at]
	if known != nil && known.changed.Equal(info.ModTime()) && !recent(known.changed) {
		return known.removes
	}
	known = &neighbour{changed: info.ModTime(), removes: make(map[string]bool)}
	n.journal[at] = known
	_, content, err := journal.Read(at)
	if err != nil {
		return nil
	}
	for i := range content.Entries {
		rec := &content.Entries[i].Record
		var p Path
		if rec.Kind == Remove.name && p.UnmarshalJSON(rec.Payload) == nil {
			known.removes[p.Path] = true
		}
	}
	return known.removes
}

// lives reports whether a journal may have a living owner.
func lives(at string) bool {
	owner, err := ownerOf(at)
	return err == nil && idOf(owner).State(owner.Host) != proc.Gone
}
