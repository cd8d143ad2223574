package pathid

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
)

// Capture says what a path is now. It makes the path absolute and resolves the links above its last name, but not that
// name: a link there is itself the thing, also when the path ends in a slash. The folder must exist.
//
// What is there is identified (Existing). When nothing is, a name of NewName's makes it Random and another one Named. Where
// handles are refused, an existing leaf with a name of NewName's is Random as well, and another one has no identity: such
// an ID is valid, but Remove answers ErrUnverified to it.
//
// Capture refuses mount points (ErrMount), and what Remove would never remove (ErrProtected).
func Capture(path string) (ID, error) {
	if path == "" || len(path) > maxPath || strings.Contains(path, "\x00") {
		return ID{}, problemf(shorten(path), ErrInvalid, "the path is empty, too long or has a NUL")
	}
	return capture(path)
}

// Remove removes what the ID says, a folder with everything in it, if that is still there. Without an error it is gone
// now, or it was gone before and the recorded folder says so. Check comes first, then everything that the sentinels of
// this package say. Removal goes on for the rest of a tree when some of it can't be removed; a number of the errors is
// joined. It ends early when ctx does.
//
// # The gap
//
// There is no way to delete a file only if it is still that file. For a file with the user's own name (a socket, a lock,
// a pid file: what a new instance may be replacing at this very moment), Remove therefore first renames it to a name
// derived from the record, looks again, and puts it back if it caught another one, or if a living process has recorded the
// path by then; the next Remove of the same record finds and repairs what a crash left in between. That costs about as much
// as the removal itself. Names of NewName's are
// not replaced by anybody: there, the gap between looking and unlinkat(2) is open, about a microsecond. A folder is
// emptied through its descriptor, so that what is deleted was in the very folder that was identified; the gap exists
// for its last step only, which removes nothing but an empty folder. Who wants to use such a gap needs write permission
// to the folder, and could have removed the file himself.
func Remove(ctx context.Context, id ID, o Options) error {
	t, err := id.decode()
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return problemf(t.path, context.Cause(ctx), "not removed")
	}
	return remove(ctx, t, o)
}

// newID puts what was found in the form of the record.
func newID(path string, dirs []thing, uid int64) ID {
	id := ID{Version: version, Full: fullPath(path), Kind: Named, UID: uid}
	if IsNewName(filepath.Base(path)) {
		id.Kind = Random
	}
	for i, dir := range dirs {
		if i > 0 && dir.fs == dirs[i-1].fs {
			dir.fs = ""
		}
		id.Dirs = append(id.Dirs, dir.String())
	}
	return id
}

// existing makes it the ID of something that was there.
func (id *ID) existing(leaf thing) {
	leaf.fs, leaf.root = "", false
	id.Kind, id.Leaf = Existing, leaf.String()
}

// unverified makes it the ID of something that was there and can't be told from another thing.
func (id *ID) unverified() {
	if id.Kind == Named {
		id.Kind = Existing
	}
}

// orNone is the ID, or none with an error.
func orNone(id ID, err error) (ID, error) {
	if err != nil {
		return ID{}, err
	}
	return id, nil
}

// inUse asks the caller about a name that NewName did not make.
func (t target) inUse(o Options) error {
	if o.NamedByLiving != nil && !IsNewName(t.base) && o.NamedByLiving(t.path) {
		return problem(t.path, ErrInUse)
	}
	return nil
}

// isAbove reports whether a clean path is the other one or contains it, by name.
func isAbove(path, other string) bool {
	rest, ok := strings.CutPrefix(other, path)
	return ok && (rest == "" || path[len(path)-1] == filepath.Separator || rest[0] == filepath.Separator)
}

// protectedName refuses a path that is one of the places or contains one, by name.
func protectedName(path string, places []string) error {
	if slices.ContainsFunc(places, func(place string) bool { return isAbove(path, filepath.Clean(place)) }) {
		return problem(path, ErrProtected)
	}
	return nil
}
