package durable

import (
	"os"
	"runtime/debug"
	"strings"

	"github.com/lastly-go/lastly/internal/journal"
)

// crashSuffix is the end of the name of the file that a crash is written to, beside the journal.
const crashSuffix = ".crash"

// maxCrash bounds how much of it a report keeps, in bytes.
const maxCrash = 64 << 10

func crashPath(journalPath string) string {
	return strings.TrimSuffix(journalPath, journal.Suffix) + crashSuffix
}

// keepCrash makes the runtime write the text of a crash to a file as well. A file, because it takes the text also when the
// guard is gone, and never makes a dying process wait. It returns nil when there is none.
func keepCrash(s Settings, journalPath string) *os.File {
	if s.NoCrashOutput {
		return nil
	}
	f, err := os.OpenFile(crashPath(journalPath), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil
	}
	if debug.SetCrashOutput(f, debug.CrashOptions{}) != nil {
		dropCrash(f)
		return nil
	}
	return f
}

// dropCrash removes the file of a process that did not crash. The runtime keeps its own descriptor, in case the program has
// taken the crash output for itself meanwhile.
func dropCrash(f *os.File) {
	if f != nil {
		_ = os.Remove(f.Name())
		_ = f.Close()
	}
}

// readCrash takes the text of a crash, and removes the file.
func readCrash(journalPath string) string {
	path := crashPath(journalPath)
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	text := make([]byte, maxCrash)
	n, _ := f.Read(text)
	_ = os.Remove(path)
	return string(text[:n])
}
