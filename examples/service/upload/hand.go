package upload

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Open makes the folder at kept if it is not there, and the temporary one. Close must be called in the end.
func Open(kept string) (*Folder, error) {
	if err := os.MkdirAll(kept, 0o755); err != nil {
		return nil, fmt.Errorf("upload: %w", err)
	}
	temp, err := os.MkdirTemp("", "upload-")
	if err != nil {
		return nil, fmt.Errorf("upload: %w", err)
	}
	return &Folder{kept: kept, temp: temp, create: createHalf}, nil
}

// Close removes the temporary folder with everything in it.
func (f *Folder) Close() error {
	if err := os.RemoveAll(f.temp); err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	return nil
}

// A half is a file beside its target: resource.AtomicFile by hand, for a process that lives.
type half struct {
	*os.File
	target    string
	committed bool
}

func createHalf(target string) (file, error) {
	f, err := os.CreateTemp(filepath.Dir(target), ".half-*")
	if err != nil {
		return nil, err
	}
	return &half{File: f, target: target}, nil
}

func (h *half) Commit() error {
	if err := errors.Join(h.Sync(), h.File.Close(), os.Chmod(h.Name(), 0o644)); err != nil {
		return err
	}
	if err := os.Rename(h.Name(), h.target); err != nil {
		return err
	}
	h.committed = true
	return nil
}

func (h *half) Close() error {
	if h.committed {
		return nil
	}
	_ = h.File.Close() // a Commit that failed has closed it already
	return os.Remove(h.Name())
}
