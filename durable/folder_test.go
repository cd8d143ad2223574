package durable_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/journal"
	"github.com/lastly-go/lastly/internal/testproc"
)

var _ = addVictims(testproc.Victims{"where": whereVictim, "setup": setupVictim})

// whereVictim registers one record, says what became of it, and strikes it.
func whereVictim(args []string) {
	if len(args) > 0 {
		must(durable.Setup(durable.Settings{Dir: args[0]}))
	}
	r, err := noteKind.Register(lastly.Process(), note{}, lastly.Hook{Run: nothing})
	switch {
	case err == nil:
		r.Cancel()
		say("registered")
	case errors.Is(err, durable.ErrFolder):
		say("ErrFolder %v", err)
	default:
		say("%v", err)
	}
	if hooks := lastly.Process().Report().Hooks; len(hooks) > 0 {
		say("still registered: %v", hooks)
	}
	lastly.Exit(0)
}

// at starts whereVictim in an environment without what may be set here.
func at(t *testing.T, dir string, env ...string) string {
	t.Helper()
	spec := testproc.Spec{Victim: "where", Env: append([]string{"LASTLY_DIR=", "STATE_DIRECTORY=", "XDG_STATE_HOME=", "TMPDIR="}, env...)}
	if dir != "" {
		spec.Args = []string{dir}
	}
	r := spec.Start(t).Wait()
	r.Check(t, "exit 0")
	return r.Out
}

// TestFolderIsChosen: the first that is set wins.
func TestFolderIsChosen(t *testing.T) {
	t.Parallel()
	temp := t.TempDir()
	in := func(name string) string { return filepath.Join(temp, name) }
	for _, c := range []struct {
		want, dir string
		env       []string
	}{
		{in("settings"), in("settings"), []string{"LASTLY_DIR=" + in("no1"), "STATE_DIRECTORY=" + in("no2")}},
		{in("own"), "", []string{"LASTLY_DIR=" + in("own"), "STATE_DIRECTORY=" + in("no3"), "XDG_STATE_HOME=" + in("no4")}},
		{in("deep/er/own"), "", []string{"LASTLY_DIR=" + in("deep/er/own")}},
		{in("systemd/lastly"), "", []string{"STATE_DIRECTORY=" + in("systemd") + ":" + in("no5"), "XDG_STATE_HOME=" + in("no6")}},
		{in("xdg/lastly"), "", []string{"XDG_STATE_HOME=" + in("xdg")}},
	} {
		if out := at(t, c.dir, c.env...); out != "registered\n" {
			t.Errorf("%v: %s", c.env, out)
		}
		info, err := os.Stat(c.want)
		if err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%v: the folder should be %s with mode 700: %v", c.env, c.want, err)
			continue
		}
		if left, _ := os.ReadDir(c.want); len(left) > 0 {
			t.Errorf("left are %v", left)
		}
	}
	if no, _ := filepath.Glob(in("no*")); len(no) > 0 {
		t.Errorf("made as well: %q", no)
	}
}

// TestStaleIsRemoved: a start clears away what is left of one that was killed while it made its journal.
func TestStaleIsRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fatal(t, os.Chmod(dir, 0o700))
	old, young := filepath.Join(dir, journal.TempPrefix+"old"), filepath.Join(dir, journal.TempPrefix+"young")
	for _, path := range []string{old, young} {
		fatal(t, os.WriteFile(path, nil, 0o600))
	}
	before := time.Now().Add(-2 * time.Hour)
	fatal(t, os.Chtimes(old, before, before))
	if out := at(t, dir); out != "registered\n" {
		t.Error(out)
	}
	if exists(old) || !exists(young) {
		t.Errorf("the old one is there: %v; the young one: %v", exists(old), exists(young))
	}
}

// TestFolderIsRefused: what others can write would be carried out as ours.
func TestFolderIsRefused(t *testing.T) {
	t.Parallel()
	temp := t.TempDir()
	file, open, group := filepath.Join(temp, "file"), filepath.Join(temp, "open"), filepath.Join(temp, "group")
	link, dir := filepath.Join(temp, "link"), filepath.Join(temp, "dir")
	fatal(t, os.WriteFile(file, nil, 0o600))
	for path, mode := range map[string]os.FileMode{open: 0o777, group: 0o770, dir: 0o700} {
		fatal(t, os.Mkdir(path, 0o700))
		fatal(t, os.Chmod(path, mode))
	}
	fatal(t, os.Symlink(dir, link))
	cases := map[string]string{
		file: "", filepath.Join(file, "below"): "", open: "others can write", group: "others can write", link: "no folder",
		filepath.Join("/proc", "lastly"): "",
	}
	if os.Geteuid() == 0 {
		other := filepath.Join(temp, "other")
		fatal(t, os.Mkdir(other, 0o700))
		fatal(t, os.Chown(other, 65534, 65534))
		cases[other] = "belongs to user 65534"
	}
	for path, why := range cases {
		out := at(t, "", "LASTLY_DIR="+path)
		if !strings.HasPrefix(out, "ErrFolder lastly: kind ") || !strings.Contains(out, why) || !strings.Contains(out, "LASTLY_DIR") {
			t.Errorf("%s: %s", path, out)
		}
		if _, err := durable.Recover(t.Context(), durable.Options{Dir: path}); !errors.Is(err, durable.ErrFolder) && exists(path) {
			t.Errorf("%s: Recover says %v", path, err)
		}
	}
}

func TestFolderReadOnly(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	temp := t.TempDir()
	fatal(t, os.Chmod(temp, 0o500))
	if out := at(t, "", "LASTLY_DIR="+filepath.Join(temp, "new")); !strings.HasPrefix(out, "ErrFolder ") {
		t.Error(out)
	}
}

func setupVictim([]string) {
	say("negative: %v", durable.Setup(durable.Settings{GuardLimit: -1}))
	must(durable.Setup(durable.Settings{PowerSafe: true, NoCrashOutput: true}))
	must(durable.Setup(durable.Settings{PowerSafe: true}))
	r := mustNote(lastly.Process(), note{}, lastly.Hook{Run: nothing})
	say("synced: %v", ownHeader()[88] == 1)
	err := durable.Setup(durable.Settings{})
	say("late: %v", errors.Is(err, durable.ErrStarted))
	must(r.Update(note{Line: "new"}))
	must(r.Run(context.Background()))
	lastly.Exit(0)
}

// ownHeader is the beginning of this process's journal.
func ownHeader() []byte {
	paths, err := filepath.Glob(filepath.Join(os.Getenv("LASTLY_DIR"), strconv.Itoa(os.Getpid())+"-*"+journal.Suffix))
	must(err)
	text, err := os.ReadFile(paths[0])
	must(err)
	return text
}

func TestSetup(t *testing.T) {
	t.Parallel()
	s := newState(t)
	r := s.start("setup").Wait()
	r.Check(t, "exit 0")
	r.CheckLines(t, "synced: true", "late: true")
	if !strings.Contains(r.Out, "negative: lastly: durable.Setup: the GuardLimit is negative") {
		t.Error(r.Out)
	}
	if left := s.files(); len(left) > 0 {
		t.Errorf("left are %q", left)
	}
}
