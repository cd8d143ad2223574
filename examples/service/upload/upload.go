// Package upload keeps uploaded files in a temporary folder while they are worked on.
package upload

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Folder is the temporary folder. Its methods may be called concurrently.
type Folder struct {
	path string
}

// Open makes a new folder in the system's folder for temporary files.
func Open() (*Folder, error) {
	path, err := os.MkdirTemp("", "upload-")
	if err != nil {
		return nil, fmt.Errorf("upload: %w", err)
	}
	return &Folder{path: path}, nil
}

// Path is where the folder is.
func (f *Folder) Path() string { return f.path }

// Save copies r into a new file in the folder and returns its path. The file is the caller's to remove; one that is
// forgotten goes with the folder.
func (f *Folder) Save(r io.Reader) (path string, err error) {
	file, err := os.CreateTemp(f.path, "*")
	if err != nil {
		return "", fmt.Errorf("upload: %w", err)
	}
	_, err = io.Copy(file, r)
	if err = errors.Join(err, file.Close()); err != nil {
		return "", fmt.Errorf("upload: save: %w", errors.Join(err, os.Remove(file.Name())))
	}
	return file.Name(), nil
}

// Close removes the folder with everything in it.
func (f *Folder) Close() error {
	if err := os.RemoveAll(f.path); err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	return nil
}
