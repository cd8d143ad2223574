package pathid

import "syscall"

// This file is how a walk gets into folders and out again.

// openLocked opens a folder in a folder to be read, also where their owner shut one of them.
func (w *walk) openLocked(f *frame, name string) (int, error) {
	fd, err := w.openBelow(f.fd, cstring(name), openFolder)
	if err != syscall.EACCES {
		return fd, err
	}
	w.unlock(f.fd)
	fd, err = w.openBelow(f.fd, cstring(name), openPath|syscall.O_DIRECTORY|syscall.O_CLOEXEC)
	if err != nil {
		return -1, err
	}
	defer closeFD(fd)
	w.unlock(fd)
	return openat(fd, cstring("."), openFolder)
}

// unlock lets the owner of a folder read, write and search it. It reports whether that changed anything.
func (s system) unlock(fd int) bool {
	const all = 0o700
	f, err := s.stat(fd, "")
	return err == nil && f.isDir() && f.mode&all != all && s.chmod(fd, f.mode&0o7777|all) == nil
}

// spare closes the descriptors of stack[:below], noting what each was. It reports whether that closed any.
func (w *walk) spare(below int) bool {
	closed := false
	for ; w.open < below; w.open++ {
		f := &w.stack[w.open]
		var err error
		if f.id, err = w.mark(f.fd); err != nil {
			return closed
		}
		closeFD(f.fd)
		closed = true
	}
	return closed
}

// mark identifies a folder for the time of this walk.
func (w *walk) mark(fd int) (thing, error) {
	id, _, err := w.handle(fd, "")
	if err == errNoHandle {
		var facts facts
		facts, err = w.stat(fd, "")
		id = facts.weak()
	}
	return id, err
}

// reopen gets back the descriptor of the folder below in the stack, which is the parent of the one above if that was not
// moved meanwhile.
func (w *walk) reopen(f, below *frame) bool {
	fd, err := openat(f.fd, cstring(".."), openFolder)
	if err == syscall.EACCES && w.unlock(f.fd) {
		fd, err = openat(f.fd, cstring(".."), openFolder)
	}
	var id thing
	if err == nil {
		id, err = w.mark(fd)
	}
	switch {
	case err != nil:
		w.stop(problemf(w.pathOf(f, ""), err, "find the way back from it"))
	case id != below.id:
		w.stop(problemf(w.pathOf(f, ""), ErrReplaced, "it was moved while it was being removed"))
	default:
		below.fd = fd
		w.open--
		return true
	}
	if fd >= 0 {
		closeFD(fd)
	}
	return false
}
