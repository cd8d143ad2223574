//go:build unix

package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lastly-go/lastly/internal/testproc"
)

// limited is a process whose files may have 200 kB.
func limited(args []string) {
	die(syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 200_000, Max: 200_000}))
	fillUp(args[0], 200_000, syscall.EFBIG, "ulimit -f")
}

// fillUp appends until there is no more room, and sees that this was an error like any other.
func fillUp(dir string, room int64, want error, advice string) {
	for _, opt := range []Options{{}, {Sync: true}} {
		j, err := Create(dir, Owner{Program: "full", Pid: os.Getpid()}, opt)
		die(err)
		var refs []Ref
		r := Record{Name: "record"}
		for err == nil {
			r.Payload = payload("p", len(refs)*100%5000)
			var ref Ref
			if ref, err = j.Append(&r); err == nil {
				refs = append(refs, ref)
			}
		}
		if !errors.Is(err, want) || !strings.Contains(err.Error(), advice) || !strings.Contains(err.Error(), j.Path()) {
			die(fmt.Errorf("append: %w, want %w with %q and the path", err, want, advice))
		}
		if info, err := j.file.Stat(); err != nil || info.Size() < room-headerSize {
			die(fmt.Errorf("it gave up at %d bytes of %d: %w", info.Size(), room, err))
		}
		large := Record{Payload: make([]byte, MaxPayload)}
		if _, err := j.Append(&large); !errors.Is(err, want) || large.ID != 0 {
			die(fmt.Errorf("a large record: %w", err))
		}
		if ref, err := j.Replace(refs[0], &large); !errors.Is(err, want) || ref != (Ref{}) {
			die(fmt.Errorf("replace: %w", err))
		}
		die(j.Strike(refs[0]))
		refs = refs[1:]
		if j.Live() != len(refs) || len(refs) < 20 {
			die(fmt.Errorf("%d records are live, %d were acknowledged", j.Live(), len(refs)))
		}
		_, c, err := Read(j.Path())
		die(err)
		if len(c.Damaged) > 0 || len(c.Entries) != len(refs) {
			die(fmt.Errorf("%d records are in the file, want %d; damaged: %v", len(c.Entries), len(refs), c.Damaged))
		}
		for _, ref := range refs[len(refs)/2:] {
			die(j.Strike(ref))
		}
		_, err = j.Append(&Record{Name: "there is room again"})
		die(err)
		testproc.Say("%d records fit", len(refs))
		die(j.Remove())
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	die(err)
	testproc.Say("left: %d", len(left))
}

func TestFileSizeLimit(t *testing.T) {
	t.Parallel()
	r := testproc.Start(t, "limited", t.TempDir()).Wait()
	r.Check(t, "exit 0")
	r.CheckLines(t, "left: 0")
}
