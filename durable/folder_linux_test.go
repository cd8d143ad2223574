package durable_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/testproc"
)

var _ = addVictims(testproc.Victims{"on-network": onNetworkVictim, "set-user-id": setUserIDVictim})

// onNetworkVictim takes the filesystem of its folder for another host's.
func onNetworkVictim([]string) {
	must(durable.TakeForRemote(os.Getenv("LASTLY_DIR")))
	_, err := noteKind.Register(lastly.Process(), note{}, lastly.Hook{Run: nothing})
	say("refused: %v %v", errors.Is(err, durable.ErrNetwork), errors.Is(err, durable.ErrFolder))
	_, err = durable.Recover(lastly.Process().Context(), durable.Options{})
	say("recover refused: %v", errors.Is(err, durable.ErrNetwork))
	must(durable.Setup(durable.Settings{Network: true}))
	mustNote(lastly.Process(), note{}, lastly.Hook{Run: nothing}).Cancel()
	_, err = durable.Recover(lastly.Process().Context(), durable.Options{})
	must(err)
	say("forced")
	lastly.Exit(0)
}

// TestNetworkIsRefused unless it is forced: nobody sees the locks of another host.
func TestNetworkIsRefused(t *testing.T) {
	t.Parallel()
	s := newState(t)
	r := s.start("on-network").Wait()
	r.Check(t, "exit 0")
	r.CheckLines(t, "refused: true true", "recover refused: true", "forced")
}

// setUserIDVictim becomes the program, set-user-id of another user, in an environment that lies about folders. Its /tmp is its
// own.
func setUserIDVictim(args []string) {
	must(syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""))
	text, err := os.ReadFile(args[0])
	must(err)
	must(syscall.Mount("tmpfs", "/tmp", "tmpfs", 0, "mode=1777"))
	const program, path = "/tmp/program", "/tmp/path"
	must(os.WriteFile(program, text, 0o755))
	must(os.WriteFile(path, nil, 0o600))
	for _, file := range []string{program, path} {
		must(os.Chown(file, 65534, 65534))
	}
	must(os.Chmod(program, 0o755|os.ModeSetuid))
	must(os.Mkdir("/tmp/lie", 0o777))
	must(os.Chmod("/tmp/lie", 0o777))
	env := []string{"PROGRAM_RAN=/tmp/ran", "TMPDIR=/tmp/lie"}
	for _, name := range []string{"LASTLY_DIR", "STATE_DIRECTORY", "XDG_STATE_HOME"} {
		env = append(env, name+"=/tmp/lie")
	}
	must(syscall.Exec(program, []string{program, "-mode", "remove,journals", "-path", path}, env))
}

// TestSetUserID: who calls a set-user-id program must not say where its journals are; and it has no guard, which its caller
// could not start either.
func TestSetUserID(t *testing.T) {
	t.Parallel()
	skipUnlessRoot(t, "set-user-id")
	s := newState(t)
	spec := s.spec("set-user-id", builtOrSkip(t))
	spec.Attr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	p, err := spec.TryStart(t)
	if err != nil {
		testproc.Skip(t, err.Error(), "set-user-id")
	}
	r := p.Wait()
	r.Check(t, "exit 0")
	journals := strings.Fields(r.Out)
	if len(journals) < 2 || filepath.Dir(journals[0]) != "/tmp/lastly-65534" || !strings.Contains(r.Out, "no guard (the program's effective user is not its real one)") {
		t.Errorf("its journal should be /tmp/lastly-65534, without a guard: %v", r)
	}
}
