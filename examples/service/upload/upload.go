// Package upload keeps uploaded files in a folder, each of them whole or not at all, and has a temporary folder for what is
// made of them.
package upload

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// ErrName is in the error of Save for a name that no file in the folder can have.
var ErrName = errors.New("no name for a file")

// Folder is both folders. Its methods may be called concurrently.
type Folder struct {
	kept   string
	temp   string
	create func(path string) (file, error)
}

// A file is there under its name from Commit on, and without Commit never. Close after Commit does nothing.
type file interface {
	io.Writer
	Commit() error
	Close() error
}

// Save copies r into the file of that name, in the place of the one that may be there, and returns its path.
func (f *Folder) Save(name string, r io.Reader) (path string, err error) {
	// It comes from a request: nothing but the name of a file may get through, and no temporary name either.
	if name != filepath.Base(name) || strings.HasPrefix(name, ".") {
		return "", fmt.Errorf("upload: %q: %w", name, ErrName)
	}
	path = filepath.Join(f.kept, name)
	to, err := f.create(path)
	if err != nil {
		return "", fmt.Errorf("upload: %w", err)
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	if _, err := io.Copy(to, r); err != nil {
		return "", fmt.Errorf("upload: save %s: %w", name, err)
	}
	if err := to.Commit(); err != nil {
		return "", fmt.Errorf("upload: save %s: %w", name, err)
	}
	return path, nil
}

// Temp makes an empty temporary file and returns its path. The file is the caller's to remove; one that is forgotten goes
// with the folder.
func (f *Folder) Temp() (path string, err error) {
	to, err := os.CreateTemp(f.temp, "*")
	if err != nil {
		return "", fmt.Errorf("upload: %w", err)
	}
	return to.Name(), to.Close()
}
