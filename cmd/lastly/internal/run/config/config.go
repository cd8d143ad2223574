// Package config reads the file of `lastly run --config`: YAML that says what the flags say, and hooks that the flags have no
// words for.
//
// It is strict. What it does not know, or can't mean, is an error with the file, the line and what to do next, before anything
// is registered: a cleanup that was misspelt would be noticed on the day it is needed. schema.json says the same to editors, as
// far as a schema can; a test holds the two against each other.
package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/lastly-go/lastly/durable"
)

// A File is what a file says.
type File struct {
	Name   string   // as it was given
	Flags  []string // what flags would say: --name or --name=value
	Remove []string // paths, relative to the working folder
	Hooks  []Hook

	words      int // in lists so far
	removeLine int
}

// A Hook is a command that is run at the end.
type Hook struct {
	Name      string // every hook has another one; made up if the file has none
	Uses      []string
	Timeout   time.Duration // 0: that of any hook
	OnFailure bool          // not if the command ends with status 0
	Command   durable.Command

	madeUp         bool // the name
	line, usesLine int
}

// Time is how long the hooks may take that name their time, one after the other.
func (f *File) Time() (sum time.Duration) {
	for _, h := range f.Hooks {
		sum += h.Timeout
	}
	return sum
}

// Bounds of a file. Whoever needs more has a program that writes files, and is better served by `lastly add`.
const (
	maxSize  = 1 << 20
	maxHooks = 1000
	maxWords = 100_000 // in all lists, each alias counted as what it stands for
)

// Read reads a file, and finds the programs, folders and variables that its hooks need.
func Read(path string) (*File, error) {
	text, err := readAll(path)
	if err != nil {
		if e, ok := errors.AsType[*fs.PathError](err); ok {
			err = e.Err // the path is named once
		}
		return nil, fmt.Errorf("--config %s: %w; give the path of a YAML file that can be read", path, err)
	}
	f, err := Parse(path, text)
	if err != nil {
		return nil, err
	}
	return f, f.find()
}

func readAll(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, maxSize+1))
	if err == nil && len(text) > maxSize {
		err = fmt.Errorf("it has more than %d bytes", maxSize)
	}
	return text, err
}

// String is the hook in an error.
func (h *Hook) String() string {
	if h.madeUp {
		return h.Name
	}
	return "hook " + h.Name
}
