package resource_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/testproc"
	"github.com/lastly-go/lastly/resource"
)

var _ = addVictims(testproc.Victims{"owns-root": ownRoot})

// becomeRoot is what su and sudo do: a set-user-id program that is root's wholly. It ends when the file is there.
func becomeRoot(file string) {
	if syscall.Setresuid(0, 0, 0) != nil {
		testproc.Say("n")
		return
	}
	testproc.Say("y")
	await(file)
}

// ownRoot is an ordinary user's program that starts a set-user-id program of root's, args[0].
func ownRoot(args []string) {
	if args[0] == "becomes-root" {
		becomeRoot(args[1])
		return
	}
	exitOn(errors.Join(syscall.Setgroups(nil), syscall.Setgid(stranger), syscall.Setuid(stranger)))
	var s lastly.Scope
	cmd := exec.Command(args[0], "becomes-root", args[1])
	cmd.Env = append(os.Environ(), "LASTLY_TESTPROC_VICTIM=owns-root")
	cmd.WaitDelay = shortGrace
	out, err := cmd.StdoutPipe()
	exitOn(err)
	p, err := resource.Start(&s, cmd)
	exitOn(err)
	answer := make([]byte, 1)
	if _, err := io.ReadFull(out, answer); err != nil || answer[0] != 'y' {
		testproc.Say("not root")
		return
	}
	testproc.Say("%v", s.Close())
	testproc.Say("it was process %d", p.Pid())
}

// TestAnothersProcess: what may not be ended is named, and not waited for.
func TestAnothersProcess(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		testproc.Skip(t, "only root can make a set-user-id program of root's", "owns-root")
	}
	dir, err := os.MkdirTemp("", "lastly-left-test-") // an ordinary user can't get into the folders of the tests
	noError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	self, err := os.ReadFile("/proc/self/exe")
	noError(t, err)
	rootly, journal, done := filepath.Join(dir, "rootly"), filepath.Join(dir, "journal"), filepath.Join(dir, "done")
	noError(t, errors.Join(
		os.WriteFile(rootly, self, 0o700), os.Chmod(rootly, 0o755|os.ModeSetuid),
		os.Mkdir(journal, 0o700), os.Chown(journal, stranger, stranger), os.Chmod(dir, 0o711),
	))
	t.Cleanup(func() { put(t, done, "") })
	r := testproc.Spec{
		Victim: "owns-root", Args: []string{rootly, done}, Env: []string{"LASTLY_DIR=" + journal, "LASTLY_GUARD=off", "HOME=" + dir},
	}.Start(t).Wait()
	r.Check(t, "exit 0")
	said, number, _ := strings.Cut(strings.TrimSpace(r.Out), "\nit was process ")
	if said == "not root" {
		testproc.Skip(t, "set-user-id programs do not become root in "+dir)
	}
	if want := fmt.Sprintf("process %s (rootly) is left: it is another user's", number); number == "" || !strings.Contains(said, want) {
		t.Errorf("want %q: %v", want, r)
	}
}
