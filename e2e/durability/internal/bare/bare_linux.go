// Package bare is the floor: the least that writing a record to a file can cost.
package bare

import (
	"errors"
	"os"
	"syscall"

	"github.com/lastly-go/lastly/e2e/internal/turns"
)

// SlotSize is what a journal writes at least.
const SlotSize = 256

// A File has its space already, as a journal has.
type File struct {
	file *os.File
	fd   int
	at   int
	size int
}

// New makes a file with space. When it is written, a sync has no metadata to write later, as in a journal that is safe from
// power loss.
func New(path string, size int, written bool) (*File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	fd := int(f.Fd())
	err = syscall.Fallocate(fd, 0, 0, int64(size))
	if written || errors.Is(err, syscall.EOPNOTSUPP) {
		if _, err = f.Write(make([]byte, size)); err == nil {
			err = f.Sync()
		}
	}
	b := &File{file: f, fd: fd, size: size}
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// Close removes the file.
func (f *File) Close() error { return errors.Join(os.Remove(f.file.Name()), f.file.Close()) }

// Writing writes so many slots in one pwrite, n times, one place after the other.
func (f *File) Writing(slots, n int) turns.Side {
	buf := make([]byte, slots*SlotSize)
	return func() (float64, error) { return turns.Each(n, func() error { return f.pwrite(buf) }) }
}

// Syncing waits for the disk after every pwrite of a slot.
func (f *File) Syncing(n int) turns.Side {
	buf := make([]byte, SlotSize)
	return func() (float64, error) {
		return turns.Each(n, func() error {
			if err := f.pwrite(buf); err != nil {
				return err
			}
			return syscall.Fdatasync(f.fd)
		})
	}
}

func (f *File) pwrite(buf []byte) error {
	if f.at += len(buf); f.at+len(buf) > f.size {
		f.at = 0
	}
	_, err := syscall.Pwrite(f.fd, buf, int64(f.at))
	return err
}
