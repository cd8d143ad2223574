package standby

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/lastly-go/lastly/internal/filelock"
	"github.com/lastly-go/lastly/internal/journal"
)

func fatal(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newJournal(t *testing.T) *journal.Journal {
	t.Helper()
	j, err := journal.Create(t.TempDir(), journal.Owner{Program: "example.com/p", Command: "p", Pid: os.Getpid()}, journal.Options{})
	fatal(t, err)
	t.Cleanup(func() { _ = j.Close() })
	return j
}

func add(t *testing.T, j *journal.Journal, payload int) journal.Ref {
	t.Helper()
	ref, err := j.Append(&journal.Record{Kind: "k", Payload: make([]byte, payload)})
	fatal(t, err)
	return ref
}

func crashOf(j *journal.Journal) string {
	return strings.TrimSuffix(j.Path(), journal.Suffix) + crashSuffix
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// TestNothingLeft holds what this package knows of a journal against what package journal writes.
func TestNothingLeft(t *testing.T) {
	for _, payload := range []int{0, 1, 200, 5000, journal.MaxPayload} {
		j := newJournal(t)
		var refs []journal.Ref
		for range 100 {
			refs = append(refs, add(t, j, payload))
		}
		for i, ref := range refs {
			if i != 70 {
				fatal(t, j.Strike(ref))
			}
		}
		path := j.Path()
		fatal(t, j.Close())
		d := &Duty{Journal: path}
		if d.nothingLeft() || !exists(path) {
			t.Fatalf("payload %d: it overlooks the one record there is", payload)
		}
		k, c, err := journal.Open(path)
		fatal(t, err)
		fatal(t, k.Strike(c.Entries[0].Ref))
		fatal(t, k.Close())
		if !d.nothingLeft() || exists(path) {
			t.Errorf("payload %d: it finds a record where there is none", payload)
		}
	}
}

func TestNothingLeftKeepsCrashes(t *testing.T) {
	j := newJournal(t)
	fatal(t, j.Close())
	d := &Duty{Journal: j.Path()}
	fatal(t, os.WriteFile(crashOf(j), []byte("panic"), 0o600))
	if d.nothingLeft() || !exists(j.Path()) || !exists(crashOf(j)) {
		t.Error("the text of a crash is something left")
	}
	fatal(t, os.Truncate(crashOf(j), 0))
	if !d.nothingLeft() || exists(j.Path()) || exists(crashOf(j)) {
		t.Error("an empty file is no crash; both files should be gone")
	}
	fatal(t, os.WriteFile(crashOf(j), nil, 0o600))
	if !d.nothingLeft() || exists(crashOf(j)) {
		t.Error("without a journal nothing is left, and the empty file goes")
	}
}

// TestNothingLeftOfGarbage leaves the judgement to the settler, and the file in place.
func TestNothingLeftOfGarbage(t *testing.T) {
	dir := t.TempDir()
	j := newJournal(t)
	add(t, j, 10)
	whole, err := os.ReadFile(j.Path())
	fatal(t, err)
	flipped := func(at int) []byte {
		b := append([]byte(nil), whole...)
		b[at] ^= 3
		return b
	}
	for name, content := range map[string][]byte{
		"empty":   {},
		"short":   whole[:headerSize-1],
		"one bit": append([]byte{1}, make([]byte, 100)...),
		"salt":    flipped(saltOffset),
		"header":  flipped(sumOffset - 1),
		"mark":    flipped(headerSize + 2),
	} {
		path := filepath.Join(dir, name+journalSuffix)
		fatal(t, os.WriteFile(path, content, 0o600))
		if d := (&Duty{Journal: path}); d.nothingLeft() || !exists(path) {
			t.Errorf("%s: nothing is said to be left", name)
		}
	}
	link := filepath.Join(dir, "link"+journalSuffix)
	fatal(t, os.Symlink(newJournal(t).Path(), link))
	if d := (&Duty{Journal: link}); d.nothingLeft() || !exists(link) {
		t.Error("it followed a link")
	}
}

// TestNothingLeftWhileSettled: a settler that replaces its record moves it about in the file. A guard that looks at the
// same time must not take that for an empty journal.
func TestNothingLeftWhileSettled(t *testing.T) {
	j := newJournal(t)
	var refs []journal.Ref
	for range 40 {
		refs = append(refs, add(t, j, 0))
	}
	ref := refs[39]
	for i := 38; i >= 0; i-- { // the first page is used again first
		fatal(t, j.Strike(refs[i]))
	}
	if ok, err := filelock.TrySettle(j.File()); !ok || err != nil {
		t.Fatal(ok, err)
	}
	stop := make(chan struct{})
	var settler sync.WaitGroup
	settler.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			var err error
			if ref, err = j.Replace(ref, &journal.Record{Kind: "k"}); err != nil {
				t.Error(err)
				return
			}
		}
	})
	d := &Duty{Journal: j.Path()}
	for range 20000 {
		if d.nothingLeft(); !exists(j.Path()) { // that it leaves is right: somebody else settles
			t.Error("it took a journal with a live record, that somebody settles, for empty, and unlinked it")
			break
		}
	}
	close(stop)
	settler.Wait()
}
