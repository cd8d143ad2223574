package pathid

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"unsafe"
)

const (
	maxOpen   = 48      // descriptors of folders that a removal holds at a time
	maxRounds = 8       // how often a folder is read again because it got new entries
	maxErrors = 16      // that are told
	sizeRead  = 1 << 16 // bytes of entries read at a time: some 2000
	askEvery  = 64      // entries between two looks at the context
)

// A walk removes a tree. It holds no path but for its messages: every name is used in the descriptor of its folder.
type walk struct {
	system
	ctx     context.Context
	path    string  // of the tree
	stack   []frame // from the tree's own folder to the one that is being emptied
	open    int     // stack[:open] have no descriptor, all others have
	buf     []byte
	entries int
	errs    []error
	more    int  // errors beyond maxErrors
	stopped bool // by the context, or because the ground moved
}

// A frame is a folder that is being emptied.
type frame struct {
	fd     int
	name   string
	dirs   []string // in it, still to be removed
	listed bool
	rounds int
	failed bool  // something in it stays
	id     thing // when its descriptor was closed to save descriptors
}

// removeFolder removes the recorded folder, from the folder that it is in.
func (s system) removeFolder(ctx context.Context, t target, parent int, o Options) error {
	fd, f, err := s.openLeaf(t, parent, o)
	if err != nil || !f.exists {
		return err
	}
	defer closeFD(fd)
	top, err := openat(fd, cstring("."), openFolder)
	if err == syscall.EACCES && s.unlock(fd) {
		top, err = openat(fd, cstring("."), openFolder)
	}
	if err != nil {
		return refusal(t.path, err)
	}
	w := walk{system: s, ctx: ctx, path: t.path, buf: make([]byte, sizeRead)}
	w.stack = append(w.stack, frame{fd: top})
	for {
		w.empty()
		if w.failed() {
			return w.err()
		}
		// As long as it is open, no other folder has its number.
		if now, err := s.stat(parent, t.base); err == nil && now.exists && (now.ino != f.ino || now.dev != f.dev) {
			w.fail(problemf(t.path, ErrReplaced, "it was emptied, but is at another place now"))
			return w.err()
		}
		err := unlinkat(parent, cstring(t.base), atRemoveDir)
		if err != syscall.ENOTEMPTY && err != syscall.EEXIST {
			w.close()
			return refusal(t.path, err)
		}
		if !w.again(&w.stack[0]) {
			return w.err()
		}
	}
}

// openLeaf opens the recorded folder, if it may be removed. What does not exist any more is no error.
func (s system) openLeaf(t target, parent int, o Options) (fd int, f facts, err error) {
	fd, err = s.openBelow(parent, cstring(t.base), openPath|syscall.O_DIRECTORY|syscall.O_CLOEXEC)
	switch err {
	case nil:
	case syscall.EXDEV:
		return fd, f, problem(t.path, ErrMount)
	case syscall.ENOTDIR, syscall.ELOOP:
		return fd, f, problem(t.path, ErrReplaced)
	default:
		return fd, f, refusal(t.path, err)
	}
	if f, err = s.stat(fd, ""); err != nil {
		err = refusal(t.path, err)
	} else if err = s.isLeaf(t, fd, "", f); err == nil {
		err = s.protected(t.path, t.id.UID, f)
	}
	if err == nil && t.id.Kind == Named { // who has made it since the first look had recorded it before
		err = t.inUse(o)
	}
	if err != nil {
		closeFD(fd)
	}
	return fd, f, err
}

// empty removes everything in the tree but its own folder, without recursion: a tree may be deeper than any stack.
func (w *walk) empty() {
	for !w.stopped {
		f := &w.stack[len(w.stack)-1]
		switch {
		case !f.listed:
			w.list(f)
		case len(f.dirs) > 0:
			name := f.dirs[len(f.dirs)-1]
			f.dirs = f.dirs[:len(f.dirs)-1]
			w.enter(f, name)
		case len(w.stack) == 1:
			return
		default:
			w.leave(f)
		}
	}
}

// list unlinks what is in a folder, and notes the folders in it.
func (w *walk) list(f *frame) {
	f.listed = true
	for !w.stopped {
		n, err := syscall.Getdents(f.fd, w.buf)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			w.keep(f, "", err)
		}
		if err != nil || n <= 0 {
			return
		}
		for rest := w.buf[:n]; len(rest) > 0 && !w.stopped; {
			const header = 19 // of struct linux_dirent64, getdents(2): ino, off, reclen, type
			size, typ := *(*uint16)(unsafe.Pointer(&rest[16])), rest[18]
			w.entry(f, rest[header:size], typ)
			rest = rest[size:]
		}
	}
}

// entry removes one entry of a folder. The name ends with a NUL.
func (w *walk) entry(f *frame, name []byte, typ byte) {
	if name[0] == '.' && (name[1] == 0 || name[1] == '.' && name[2] == 0) {
		return
	}
	w.look(1)
	if typ != syscall.DT_DIR {
		err := w.unlink(f, &name[0])
		if err == nil {
			return
		}
		if err != syscall.EISDIR { // where the filesystem did not tell the type
			w.keep(f, gostring(name), err)
			return
		}
	}
	f.dirs = append(f.dirs, gostring(name))
}

func gostring(name []byte) string {
	text, _, _ := strings.Cut(string(name), "\x00")
	return text
}

// look asks the context, every askEvery entries. What takes longer than an entry counts as more.
func (w *walk) look(count int) {
	if w.entries += count; w.entries < askEvery {
		return
	}
	w.entries = 0
	if w.ctx.Err() != nil {
		w.stop(problemf(w.path, context.Cause(w.ctx), "removed in part"))
	}
}

// unlink removes one entry that is no folder, also from a folder that its owner made unwritable.
func (w *walk) unlink(f *frame, name *byte) error {
	err := unlinkat(f.fd, name, 0)
	if err == syscall.EACCES && w.unlock(f.fd) {
		err = unlinkat(f.fd, name, 0)
	}
	if err == syscall.ENOENT {
		err = nil
	}
	return err
}

// enter opens a folder in a folder, to be emptied next.
func (w *walk) enter(f *frame, name string) {
	if w.look(askEvery / 8); w.stopped {
		return
	}
	fd, err := w.openLocked(f, name)
	for (err == syscall.EMFILE || err == syscall.ENFILE) && w.spare(len(w.stack)-1) {
		fd, err = w.openLocked(f, name)
	}
	switch err {
	case nil:
		w.stack = append(w.stack, frame{fd: fd, name: name})
		if len(w.stack)-w.open > maxOpen {
			w.spare(w.open + 1)
		}
	case syscall.ENOTDIR, syscall.ELOOP: // it is something else by now
		if err := w.unlink(f, cstring(name)); err != nil {
			w.keep(f, name, err)
		}
	case syscall.EXDEV:
		f.failed = true
		w.fail(problem(w.pathOf(f, name), ErrMount))
	case syscall.ENOENT:
	default:
		w.keep(f, name, err)
	}
}

// leave removes the folder that was emptied, from the one below it in the stack.
func (w *walk) leave(f *frame) {
	below := &w.stack[len(w.stack)-2]
	if w.open == len(w.stack)-1 && !w.reopen(f, below) {
		return
	}
	if !f.failed {
		name := cstring(f.name)
		err := unlinkat(below.fd, name, atRemoveDir)
		if err == syscall.EACCES && w.unlock(below.fd) {
			err = unlinkat(below.fd, name, atRemoveDir)
		}
		if err == syscall.ENOTDIR { // swapped for something else
			err = w.unlink(below, name)
		}
		switch err {
		case nil, syscall.ENOENT:
		case syscall.ENOTEMPTY, syscall.EEXIST, syscall.EISDIR:
			if w.again(f) {
				return
			}
		default:
			w.keep(below, f.name, err)
		}
	}
	below.failed = below.failed || f.failed
	closeFD(f.fd)
	w.stack = w.stack[:len(w.stack)-1]
}

// again has a folder read once more because it was not empty. When that was tried too often, it stays.
func (w *walk) again(f *frame) bool {
	_, err := syscall.Seek(f.fd, 0, 0)
	if f.rounds++; f.rounds < maxRounds && err == nil {
		f.listed = false
		return true
	}
	if err == nil {
		err = ErrBusy
	}
	w.fail(problem(w.pathOf(f, ""), err))
	f.failed = true
	return false
}

// keep notes that an entry of a folder stays, or the folder itself when there is no name.
func (w *walk) keep(f *frame, name string, err error) {
	if err == syscall.ENOENT {
		return // it does not stay
	}
	f.failed = true
	w.fail(refusal(w.pathOf(f, name), err))
}

// fail notes an error, if there is one.
func (w *walk) fail(err error) {
	switch {
	case err == nil:
	case len(w.errs) < maxErrors:
		w.errs = append(w.errs, err)
	default:
		w.more++
	}
}

// stop ends the walk early.
func (w *walk) stop(err error) {
	w.stopped = true
	w.fail(err)
}

// pathOf is the path of a folder of the stack, or of a name in it, for messages.
func (w *walk) pathOf(f *frame, name string) string {
	path := w.path
	for i := range w.stack {
		if i > 0 {
			path += "/" + w.stack[i].name
		}
		if &w.stack[i] == f || len(path) > maxPath {
			break
		}
	}
	if name != "" {
		path += "/" + name
	}
	return shorten(path)
}

func (w *walk) failed() bool { return w.stopped || len(w.errs) > 0 }

func (w *walk) close() {
	for _, f := range w.stack[w.open:] {
		closeFD(f.fd)
	}
	w.stack = w.stack[:0]
}

// err ends the walk with what went wrong.
func (w *walk) err() error {
	w.close()
	if w.more > 0 {
		w.errs = append(w.errs, fmt.Errorf("pathid: %q: %d more errors", w.path, w.more))
	}
	return errors.Join(w.errs...)
}
