package pathid

import "sync"

// none is the descriptor of a folder that is not open.
const none = -1

// An opened folder is one that was identified.
type opened struct {
	fd    int
	path  string
	id    thing  // as it was recorded
	mount uint64 // 0 where the kernel does not tell
	facts facts  // when somebody has asked
}

// A keeper has the folder that was used last. nil keeps none.
type keeper struct {
	mu   sync.Mutex // guards what follows
	last *opened    // nil: none
}

// take returns the folder, which belongs to the caller then.
func (k *keeper) take() (dir opened, ok bool) {
	if k == nil {
		return opened{}, false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.last == nil {
		return opened{}, false
	}
	dir, k.last = *k.last, nil
	return dir, true
}

// keep puts a folder into the place of another, which is closed.
func (k *keeper) keep(dir opened) {
	if k == nil {
		closeFD(dir.fd)
		return
	}
	k.mu.Lock()
	before := k.last
	k.last = &dir
	k.mu.Unlock()
	if before != nil {
		closeFD(before.fd)
	}
}

func (k *keeper) close() {
	if dir, ok := k.take(); ok {
		closeFD(dir.fd)
	}
}

// isStill reports whether an open folder is the recorded one, and at its path. As long as it is open, no other folder can
// have its number: so that is enough to see that the path still leads to it. What leads there may be a link now. That makes no
// difference, for the path is only looked at: what is removed is removed from the open folder.
func (s system) isStill(dir *opened, path string, recorded thing) bool {
	if dir.path != path || dir.id != recorded {
		return false
	}
	if !dir.facts.exists {
		var err error
		if dir.facts, err = s.stat(dir.fd, ""); err != nil {
			return false
		}
	}
	there, err := s.stat(atFDCWD, path)
	return err == nil && there.exists && there.ino == dir.facts.ino && there.dev == dir.facts.dev && there.mount == dir.facts.mount
}
