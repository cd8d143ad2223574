package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lastly-go/lastly/internal/testproc"
)

func newTestJournal(tb testing.TB, opt Options) *Journal {
	tb.Helper()
	j, err := Create(tb.TempDir(), Owner{Program: "example.com/p", Command: "p", Pid: 1}, opt)
	fatal(tb, err)
	tb.Cleanup(func() { _ = j.Close() })
	return j
}

func fatal(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func mustAppend(tb testing.TB, j *Journal, r Record) Ref {
	tb.Helper()
	ref, err := j.Append(&r)
	fatal(tb, err)
	return ref
}

// mustOpen waits for the lock: a child that another test starts has every descriptor, hence the lock, from its fork to its exec.
func mustOpen(tb testing.TB, path string) (j *Journal, c Content) {
	tb.Helper()
	var err error
	testproc.Poll(tb, "the lock", func() bool {
		j, c, err = Open(path)
		return !errors.Is(err, ErrBusy)
	})
	fatal(tb, err)
	tb.Cleanup(func() { _ = j.Close() })
	return j, c
}

// orphan closes a journal, as its owner's death does, and opens it.
func orphan(tb testing.TB, j *Journal) (*Journal, Content) {
	tb.Helper()
	fatal(tb, j.Close())
	return mustOpen(tb, j.Path())
}

// inFile writes the bytes of a journal to a file.
func inFile(tb testing.TB, b []byte) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), Name(1, [16]byte{1}))
	fatal(tb, os.WriteFile(path, b, 0o600))
	quiet := time.Now().Add(-time.Minute)
	fatal(tb, os.Chtimes(path, quiet, quiet))
	return path
}

// list names the records of a content: "1.2 name" is ID 1, revision 2; "damaged 4096" is a damage there.
func list(c Content) string {
	var b strings.Builder
	for _, e := range c.Entries {
		fmt.Fprintf(&b, "%d.%d %s\n", e.Record.ID, e.Record.Revision, e.Record.Name)
	}
	for _, d := range c.Damaged {
		fmt.Fprintf(&b, "damaged %d\n", d.Offset)
	}
	return b.String()
}

func checkList(tb testing.TB, c Content, want ...string) {
	tb.Helper()
	text := strings.Join(want, "\n")
	if len(want) > 0 {
		text += "\n"
	}
	if got := list(c); got != text {
		tb.Errorf("the journal has\n%swant\n%s%+v", got, text, c.Damaged)
	}
}

func checkEqual(tb testing.TB, got, want any) {
	tb.Helper()
	if !reflect.DeepEqual(got, want) {
		tb.Errorf("got  %+v\nwant %+v", got, want)
	}
}
