package pathid

import (
	"encoding/base64"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	maxPath   = 4096 // PATH_MAX of Linux
	maxDirs   = 64   // folders above the leaf that are recorded: the nearest
	maxHandle = 128  // MAX_HANDLE_SZ of name_to_handle_at(2)
	maxFS     = 64
)

// A thing is an identity: a file handle, or a weak stand-in for one, on a filesystem.
type thing struct {
	fs     string // the filesystem; "" for that of the thing before it in the record
	typ    int    // of the handle, or weakType
	handle string // bytes
	root   bool   // it is the root of a mount
}

// weakType is the type of what is told by inode and birth time only.
const weakType = -1

// String is the form in the journal: filesystem, type, handle, and an m for the root of a mount.
func (t thing) String() string {
	s := t.fs + ":" + strconv.Itoa(t.typ) + ":" + base64.RawURLEncoding.EncodeToString([]byte(t.handle))
	if t.root {
		s += ":m"
	}
	return s
}

// strictText is base64 with one text for each handle.
var strictText = base64.RawURLEncoding.Strict()

// parseThing reads the form in the journal. There is one form for each thing only.
func parseThing(s string) (thing, bool) {
	s, root := strings.CutSuffix(s, ":m")
	fs, s, _ := strings.Cut(s, ":")
	number, text, _ := strings.Cut(s, ":")
	typ, err := strconv.Atoi(number)
	if err != nil || typ < weakType || strconv.Itoa(typ) != number {
		return thing{}, false
	}
	if len(fs) > maxFS || strings.ContainsFunc(fs, notHex) || strings.ContainsAny(text, "\r\n") { // which base64 overlooks
		return thing{}, false
	}
	var handle [maxHandle]byte
	if text == "" || strictText.DecodedLen(len(text)) > maxHandle {
		return thing{}, false
	}
	n, err := strictText.Decode(handle[:], []byte(text))
	return thing{fs: fs, typ: typ, handle: string(handle[:n]), root: root}, err == nil
}

func notHex(r rune) bool {
	return (r < '0' || r > '9') && (r < 'a' || r > 'f') && r != '.'
}

// Check refuses an ID that Capture can't have written: what comes from a journal may be hostile or torn. It touches no
// file. Remove calls it first. The error wraps ErrInvalid, or ErrProtected for the root folder.
func (id ID) Check() error {
	_, err := id.decode()
	return err
}

// A target is an ID that was checked, with its parts decoded.
type target struct {
	id   ID
	path string
	base string
	leaf thing   // has no handle when the leaf has no identity
	dirs []thing // the parent first, each with its filesystem

	mount uint64 // of the parent, when that was found
}

func (id ID) decode() (target, error) {
	path := id.Path()
	bad := func(what string) (target, error) { return target{}, problemf(shorten(path), ErrInvalid, "%s", what) }
	t := target{id: id, path: path, base: filepath.Base(path)}
	switch {
	case id.Version != version:
		return bad("version " + strconv.Itoa(id.Version) + " is not known")
	case path == "" || len(path) > maxPath:
		return bad("the path is empty or too long")
	case strings.Contains(path, "\x00"):
		return bad("the path has a NUL")
	case !filepath.IsAbs(path) || filepath.Clean(path) != path:
		return bad("the path is not absolute and clean")
	case filepath.Dir(path) == path:
		return target{}, problem(path, ErrProtected)
	case id.UID < -1 || id.UID >= 1<<32-1:
		return bad("there is no such user")
	case len(id.Boot) > maxFS || strings.ContainsFunc(id.Boot, func(r rune) bool { return r != '-' && notHex(r) }):
		return bad("there is no such boot")
	case len(id.Dirs) == 0 || len(id.Dirs) > maxDirs || len(id.Dirs) > depth(path):
		return bad("the identity of its folder is missing, or there are too many")
	}
	newName := IsNewName(t.base)
	switch {
	case id.Kind != Existing && id.Kind != Random && id.Kind != Named:
		return bad("the kind is not known")
	case id.Kind != Existing && id.Leaf != "":
		return bad("it can't both be absent and have an identity")
	case id.Kind == Random && !newName, id.Kind == Named && newName:
		return bad("the kind does not fit the name")
	}
	t.dirs = make([]thing, 0, len(id.Dirs))
	for i, text := range id.Dirs {
		dir, ok := parseThing(text)
		if !ok || i == 0 && dir.fs == "" {
			return bad("the identity of a folder is broken")
		}
		if dir.fs == "" {
			dir.fs = t.dirs[i-1].fs
		}
		t.dirs = append(t.dirs, dir)
	}
	if id.Leaf != "" {
		leaf, ok := parseThing(id.Leaf)
		if !ok || leaf.fs != "" || leaf.root || leaf.typ == weakType && !weakSuffices {
			return bad("its identity is broken")
		}
		leaf.fs = t.dirs[0].fs
		t.leaf = leaf
	}
	return t, nil
}

// A fullPath is a path in JSON, which has no words for a path that is not UTF-8: such a one is written in base64.
type fullPath string

const encodedPath = "base64:" // no absolute path begins so

// MarshalText is the form in the journal.
func (p fullPath) MarshalText() ([]byte, error) {
	if utf8.ValidString(string(p)) {
		return []byte(p), nil
	}
	return []byte(encodedPath + base64.RawURLEncoding.EncodeToString([]byte(p))), nil
}

// UnmarshalText reads it.
func (p *fullPath) UnmarshalText(text []byte) error {
	*p = fullPath(text)
	if encoded, ok := strings.CutPrefix(string(text), encodedPath); ok {
		raw, err := strictText.DecodeString(encoded)
		if err != nil || utf8.Valid(raw) {
			return problemf(shorten(string(text)), ErrInvalid, "the path is encoded wrongly")
		}
		*p = fullPath(raw)
	}
	return nil
}

// depth is how many folders are above a clean absolute path, or more.
func depth(path string) int { return strings.Count(path, string(filepath.Separator)) }

// shorten keeps a hostile path from filling the log.
func shorten(path string) string {
	const most = 300
	if len(path) <= most {
		return path
	}
	for i := most; ; i-- {
		if utf8.RuneStart(path[i]) {
			return path[:i] + "..."
		}
	}
}
