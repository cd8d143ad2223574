// Package pathid says which thing a path is, so that exactly that thing can be removed later, by another process, and
// nothing else.
//
// Capture writes an ID down; Remove carries it out, perhaps days later and as root. In between anybody may have renamed,
// replaced or linked something. Remove therefore follows no link (those above the leaf are resolved by Capture, which
// stores a path without any), opens the parent once and works below its descriptor, never with a path again.
//
// # What identifies a thing
//
// A file handle (name_to_handle_at(2)) on its filesystem (statfs(2), f_fsid). Device and inode do not: ext4 gives the
// inode of a removed file to the next one, with the same birth time. The parent and all folders above it are recorded as
// well, so that "it is gone" can be told from "it can't be seen from here", a mount that is missing or other: ErrElsewhere.
// When a folder above the leaf is gone too, the nearest recorded one that is still there says so, and Remove is done. So
// it is when the filesystem was in memory (tmpfs) and the machine has been started again since.
//
// Where the kernel refuses handles (some network filesystems, old seccomp profiles), folders are told by inode and
// birth time, and an existing leaf can't be told at all: ErrUnverified, unless its name is one of NewName's.
//
// # Three rules
//
//   - Existing: it was there at Capture. Only that thing is removed.
//   - Random: it was absent, and its name is one of NewName's: 128 bits that nobody else makes up. Whatever bears the
//     name in that folder is removed if it belongs to the user that captured.
//   - Named: it was absent, and the name is the user's own. As Random, and no living owner may name the path.
//
// Nothing of this crosses a mount point. The root folder, home folders, the working folder and what contains one of them
// are refused by Capture, and again by Remove.
//
// # What it does not do
//
// No system can delete "if it is still that file" in one step. How small the gap is, and who could use it, is told at
// Remove. A folder that is a mount point in somebody else's mount namespace only looks like any other from here; when it
// is empty, its removal unmounts that, as rmdir(2) does. Outside of Linux all this is weaker: see the file other.go.
package pathid

import (
	"errors"
	"fmt"
)

// The ways in which Remove and Capture refuse. Each is wrapped with the path.
var (
	ErrReplaced   = errors.New("something else is in its place: left alone; look at it, and remove it by hand if nobody needs it")
	ErrElsewhere  = errors.New("its folder can't be found from here, or is another one: left alone; settle where the same filesystems are mounted, or remove it by hand")
	ErrMount      = errors.New("is a mount point or on the other side of one: left alone; unmount it, then settle again")
	ErrProtected  = errors.New("is or contains the root, a home or the working folder: never removed; record something inside of it")
	ErrUnverified = errors.New("its filesystem or the sandbox does not tell which file it is: left alone; remove it by hand, or let NewName make the name")
	ErrNotOwner   = errors.New("belongs to another user than the one that recorded it: left alone; remove it by hand if nobody needs it")
	ErrInUse      = errors.New("a living process has recorded the same path: left to that one")
	ErrBusy       = errors.New("new entries keep appearing in it: stop what writes there, then settle again")
	ErrInvalid    = errors.New("not a usable record of a path: refused; delete the record, and look for the path by hand")
)

// A Kind is the rule by which a path may be removed.
type Kind string

// The kinds.
const (
	Existing Kind = "existing" // it was there
	Random   Kind = "random"   // it was not, and NewName made the name
	Named    Kind = "named"    // it was not, and somebody chose the name
)

// An ID is what is known of a path. Its fields are for the journal; Check refuses what Capture would not have written.
type ID struct {
	Version int      `json:"v"`
	Full    fullPath `json:"path"`           // absolute and clean, without a link above the leaf
	Kind    Kind     `json:"kind"`           // the rule
	Leaf    string   `json:"leaf,omitempty"` // what was there; empty when nothing was, or nothing that can be told
	Dirs    []string `json:"dirs"`           // the folders above, the parent first
	UID     int64    `json:"uid"`            // the effective user of Capture; -1 where users have no number
	Boot    string   `json:"boot,omitempty"` // the boot that its filesystem does not outlive; empty for one that does
}

// version is the one of the format. Another one is an error, not a guess.
const version = 1

// Options are what Remove asks of its caller. The zero value asks nothing.
type Options struct {
	// NamedByLiving reports whether a record of a living owner, other than the one that is being settled, names the path.
	// It is asked for every name that NewName did not make. nil means no.
	NamedByLiving func(path string) bool
}

// Path returns the path: absolute, without links above the leaf.
func (id ID) Path() string { return string(id.Full) }

// Exists reports whether the leaf was there at Capture and has an identity.
func (id ID) Exists() bool { return id.Leaf != "" }

// problem is an error about a path.
func problem(path string, err error) error { return fmt.Errorf("pathid: %q: %w", path, err) }

// problemf is problem with what happened in words.
func problemf(path string, err error, format string, args ...any) error {
	return fmt.Errorf("pathid: %q: %s: %w", path, fmt.Sprintf(format, args...), err)
}
