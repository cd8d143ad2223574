package resource

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"

	"github.com/lastly-go/lastly"
)

// Open opens a file as os.OpenFile does, and closes it at its place in the order of s. An error of that close, such as a
// full quota on a network filesystem, is the hook's; that the file was closed before is none. After a death the kernel
// closes it: there is nothing to write down.
//
// The close flushes nothing: what must survive a power cut takes f.Sync, as with any os.File (or Create, for a file that is
// written whole), and what a bufio.Writer holds takes its Flush. Register the writer with Own after its file, and it is
// flushed before the close:
//
//	f, err := resource.Open(scope, "app.log", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
//	w := bufio.NewWriter(f)
//	resource.Own(scope, "log buffer", w)
//
// The scope keeps f until it closes, also when f was closed early: for a file of one request, use the scope of the request.
//
// Errors are those of os.OpenFile, and lastly.ErrClosed on a closed scope, where nothing is opened; nothing is registered
// then. Open may be called from a hook: the file stays open until that hook has ended.
func Open(s *lastly.Scope, path string, flag int, perm os.FileMode) (*os.File, error) {
	site := callerSite()
	if err := checkOpen(s); err != nil {
		return nil, fmt.Errorf("lastly: open %q: %w", path, err)
	}
	f, err := os.OpenFile(path, flag, perm)
	if err != nil {
		return nil, fmt.Errorf("lastly: %w; %s", err, openAdvice(err, flag))
	}
	var ran atomic.Bool
	register(s, lastly.Hook{Name: "file " + path, Run: func(context.Context) error {
		ran.Store(true)
		return closeFile(f)
	}}, site)
	if ran.Load() {
		return nil, fmt.Errorf("lastly: open %q: %w: it was closed again at once; use a scope that is open", path, lastly.ErrClosing)
	}
	return f, nil
}

// closeFile closes a file that its user may have closed.
func closeFile(f *os.File) error {
	if err := f.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

// openAdvice is what to do about a file that can't be opened.
func openAdvice(err error, flag int) string {
	switch {
	case errors.Is(err, fs.ErrNotExist) && flag&os.O_CREATE == 0:
		return "check the path, or add os.O_CREATE"
	case errors.Is(err, fs.ErrNotExist):
		return "make its folder first"
	case errors.Is(err, fs.ErrExist):
		return "choose another name, or leave out os.O_EXCL"
	case errors.Is(err, fs.ErrPermission):
		return "give this user the permission, or choose another place"
	}
	return "check the path"
}
