package durable

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lastly-go/lastly/internal/pathid"
)

// Remove removes a path: a file, a folder with everything in it, a socket, a link (never what it points to).
//
// It removes exactly what was registered. If the path exists at Register or Update, that very file or folder; if
// something else is in its place by then, that is left, and reported unless a living process has registered the same
// path. If it does not exist yet, whatever is made there, by the same user, in the folder that is there now: for a name
// made by NewName in any case, for any other name unless a living process has registered the same path. Update with the
// same path, once it is made, gives it an identity:
//
//	dir := filepath.Join(os.TempDir(), durable.NewName("upload-"))
//	rec, err := durable.Remove.Register(scope, durable.Path{Path: dir}, lastly.Hook{Name: "upload folder"})
//	err = os.Mkdir(dir, 0o700)
//	err = rec.Update(durable.Path{Path: dir})
//
// No link is followed (those above the path are resolved at Register), no mount point is crossed, and the root, a home,
// the working folder and what contains one of them are refused. A path that is gone is done, if the folder that it was
// in can be found.
var Remove = define("remove", capturePath, removePath)

// A Path is the payload of Remove. A relative path is taken from the working folder at Register.
type Path struct {
	Path string

	id *pathid.ID // what identifies it; nil before Register
}

// NewName returns a file name that begins with prefix and goes on with 130 random bits: nobody else makes it up, so
// Remove may take what bears it for the registrant's even if there was no time to Update the record.
func NewName(prefix string) string { return pathid.NewName(prefix) }

// String is the path.
func (p Path) String() string { return p.Path }

// MarshalJSON gives the form in the journal: with what identifies the path.
func (p Path) MarshalJSON() ([]byte, error) {
	if p.id == nil {
		return json.Marshal(p.Path)
	}
	return json.Marshal(p.id)
}

// UnmarshalJSON reads the form in the journal, and refuses what Register would not have written.
func (p *Path) UnmarshalJSON(text []byte) error {
	var id pathid.ID
	if err := id.UnmarshalJSON(text); err != nil {
		return err
	}
	if err := id.Check(); err != nil {
		return err
	}
	p.Path, p.id = id.Path(), &id
	return nil
}

func capturePath(p Path) (Path, error) {
	id, err := pathid.Capture(p.Path)
	if err != nil {
		return p, err
	}
	return Path{Path: id.Path(), id: &id}, nil
}

func removePath(ctx context.Context, p Path) error {
	var o pathid.Options
	if pass := passFrom(ctx); pass != nil {
		o.NamedByLiving = pass.living
	}
	err := pathid.Remove(ctx, *p.id, o)
	if errors.Is(err, pathid.ErrReplaced) && o.NamedByLiving != nil && o.NamedByLiving(p.Path) {
		return nil // by the next instance, whose record it is now: what was meant is gone
	}
	if err != nil {
		return fmt.Errorf("remove %w", err)
	}
	return nil
}
