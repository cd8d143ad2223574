package journal

import (
	"fmt"
	"os"
)

// check refuses an open file that must not be read as a journal, and returns its size.
func check(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, fmt.Errorf("%w: it is no regular file; keep other files out of this folder", ErrNotJournal)
	}
	if err := checkOwner(info); err != nil {
		return 0, err
	}
	if info.Size() > maxFile {
		return 0, fmt.Errorf("%w: it has %d bytes, more than any journal; keep other files out of this folder", ErrNotJournal, info.Size())
	}
	return info.Size(), nil
}

// openFile opens a file that must not be a link. What it is becomes certain only with check; to open a FIFO does not wait.
func openFile(path string, flags int) (*os.File, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // to open a device may have effects
		return nil, fmt.Errorf("%w: it is no regular file; keep other files out of this folder", ErrNotJournal)
	}
	return os.OpenFile(path, flags|noFollow, 0)
}

func createFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|noFollow, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(0o600); err != nil { // whatever the umask is
		_ = os.Remove(path)
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// fill writes zeros, for a system that can't reserve space without.
func fill(f *os.File, from, to int64) error {
	b := make([]byte, min(to-from, 64<<10))
	for from < to {
		n, err := f.WriteAt(b[:min(int64(len(b)), to-from)], from)
		if err != nil {
			return err
		}
		from += int64(n)
	}
	return nil
}
