package resource_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/testproc"
	"github.com/lastly-go/lastly/resource"
)

var _ = addVictims(testproc.Victims{"refused": refused})

const stranger = 4001 // a user, and a group

// refused uses a folder that its user may not even look into. Root may, and becomes somebody else.
func refused(args []string) {
	if os.Geteuid() == 0 {
		exitOn(errors.Join(syscall.Setgroups(nil), syscall.Setgid(stranger), syscall.Setuid(stranger)))
	}
	exitOn(os.Setenv("TMPDIR", args[0]))
	in := func(name string) string { return filepath.Join(args[0], name) }
	var s lastly.Scope
	_, err := resource.TempDir(&s, "x-*")
	testproc.Say("TempDir: %v", err)
	_, err = resource.TempFile(&s, "x-*")
	testproc.Say("TempFile: %v", err)
	_, err = resource.Create(&s, in("target"))
	testproc.Say("Create: %v", err)
	_, err = resource.Create(&s, in("sub/target"))
	testproc.Say("Create: %v", err)
	_, err = resource.Open(&s, in("file"), os.O_CREATE|os.O_WRONLY, 0o600)
	testproc.Say("Open: %v", err)
	testproc.Say("Lock: %v", resource.Lock(context.Background(), &s, in("lock")))
	_, err = resource.Listen(&s, "unix", in("socket"))
	testproc.Say("Listen: %v", err)
	testproc.Say("%d hooks", len(s.Report().Hooks))
	exitOn(s.Close())
}

// TestFolderRefused: each error names the path and says what to do; nothing stays registered.
func TestFolderRefused(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "lastly-refused-test-") // an ordinary user can't get into the folders of the tests
	noError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	noError(t, os.Chmod(dir, 0o711))
	shut, journal := filepath.Join(dir, "shut"), filepath.Join(dir, "journal")
	noError(t, errors.Join(os.Mkdir(shut, 0), os.Mkdir(journal, 0o700)))
	if os.Geteuid() == 0 {
		noError(t, os.Chown(journal, stranger, stranger))
	}
	r := testproc.Spec{
		Victim: "refused", Args: []string{shut}, Env: []string{"LASTLY_DIR=" + journal, "LASTLY_GUARD=off", "HOME=" + dir},
	}.Start(t).Wait()
	r.Check(t, "exit 0")
	wants := []string{
		"which TMPDIR names, must exist", "which TMPDIR names, must exist", "so this user must be able to write to the folder " + shut,
		"this user must be able to get into its folder", "give this user the permission", "its folder must exist", "its folder must exist",
		"0 hooks",
	}
	lines := strings.Split(strings.TrimSuffix(r.Out, "\n"), "\n")
	if len(lines) != len(wants) {
		t.Fatal(r)
	}
	for i, want := range wants {
		if line := lines[i]; !strings.Contains(line, want) || i < len(wants)-1 && !strings.Contains(line, shut) {
			t.Errorf("%q does not say %q, or not where", line, want)
		}
	}
}
