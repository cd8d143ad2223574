package journal

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"github.com/lastly-go/lastly/internal/testproc"
)

var linuxVictims = testproc.Victims{"full": full}

// full has a file system of 256 kB for itself.
func full([]string) {
	die(os.Mkdir("tmpfs", 0o700))
	err := syscall.Mount("tmpfs", "tmpfs", "tmpfs", 0, "size=256k")
	if errors.Is(err, syscall.EPERM) {
		testproc.Say("no mounts here")
		return
	}
	die(err)
	fillUp("tmpfs", 256<<10, syscall.ENOSPC, "free space")
	// With the last page taken not even a new journal fits, and none is half there.
	die(os.WriteFile("tmpfs/rest", make([]byte, 240<<10), 0o600))
	if _, err := Create("tmpfs", Owner{}, Options{}); !errors.Is(err, syscall.ENOSPC) {
		die(errors.Join(errors.New("create on a full file system"), err))
	}
	left, err := os.ReadDir("tmpfs")
	die(err)
	testproc.Say("%d file", len(left))
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	p, err := testproc.Spec{Victim: "full", Attr: &syscall.SysProcAttr{Setpgid: true, Unshareflags: syscall.CLONE_NEWNS}}.TryStart(t)
	if err != nil {
		testproc.Skip(t, "no mount namespace of its own: "+err.Error(), "full")
	}
	r := p.Wait()
	if r.Ended == "exit 0" && r.Count("no mounts here") == 1 {
		t.Skip("no mounts in a mount namespace of its own")
	}
	r.Check(t, "exit 0")
	r.CheckLines(t, "left: 0", "1 file")
}
