package journal

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/lastly-go/lastly/internal/filelock"
)

// Names of files in a folder of journals.
const (
	Suffix     = ".journal" // of a journal: its owner's pid, "-", its ID in 32 hex digits
	TempPrefix = ".new-"    // of one that is being created; its ID follows
)

// staleAfter is how long a file may have its temporary name before it is taken for left behind.
const staleAfter = time.Hour

// Name is what a journal's file is called.
func Name(pid int, id [16]byte) string {
	return strconv.Itoa(pid) + "-" + hex.EncodeToString(id[:]) + Suffix
}

func tempName(id [16]byte) string { return TempPrefix + hex.EncodeToString(id[:]) }

// ParseName takes a journal's name apart. It returns false if a journal is never called that.
func ParseName(name string) (pid int, id [16]byte, ok bool) {
	stem, isJournal := strings.CutSuffix(name, Suffix)
	number, digits, _ := strings.Cut(stem, "-")
	pid, err := strconv.Atoi(number)
	if raw, bad := hex.DecodeString(digits); bad == nil && len(raw) == len(id) {
		id = [16]byte(raw)
	}
	if !isJournal || err != nil || name != Name(pid, id) {
		return 0, [16]byte{}, false
	}
	return pid, id, true
}

// RemoveStale removes what a Create left behind that was killed before its file had its name: it holds no record. Such a file
// is older than an hour, this user's own and not locked. What can't be removed is left for the next time.
func RemoveStale(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), TempPrefix) && e.Type().IsRegular() {
			removeStale(filepath.Join(dir, e.Name()))
		}
	}
}

func removeStale(path string) {
	f, err := openFile(path, os.O_RDWR)
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil || time.Since(info.ModTime()) < staleAfter || checkOwner(info) != nil {
		return
	}
	if ok, err := filelock.TryLock(f); ok && err == nil {
		_ = removeIfSame(f, path)
	}
}

// removeIfSame unlinks the path if it names the open file. Between the look and the unlink another file could take the name, if
// somebody used random names that he did not make up.
func removeIfSame(f *os.File, path string) error {
	same, err := names(path, f)
	if err != nil || !same {
		return err
	}
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

// stillThere returns ErrGone unless the path names the open file.
func stillThere(f *os.File, path string) error {
	same, err := names(path, f)
	if err == nil && !same {
		err = ErrGone
	}
	return err
}

// names reports whether the path, which is no link, names the open file.
func names(path string, f *os.File) (bool, error) {
	open, err := f.Stat()
	if err != nil {
		return false, err
	}
	there, err := os.Lstat(path)
	if os.IsNotExist(err) {
		return false, nil
	}
	return err == nil && os.SameFile(open, there), err
}
