//go:build unix

package resource_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/resource"
)

// A failing start: what is started, and what its error is and says.
type failing struct {
	cmd  *exec.Cmd
	is   error
	text string
}

// failingStarts are those that have to do with files.
func failingStarts(t *testing.T) map[string]failing {
	t.Helper()
	dir := t.TempDir()
	plain, noInterpreter := filepath.Join(dir, "plain"), filepath.Join(dir, "script")
	if err := os.WriteFile(plain, []byte("echo hi"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(noInterpreter, []byte("#!"+dir+"/none\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	in := func(dir string, attr *syscall.SysProcAttr) *exec.Cmd {
		cmd := exec.Command("true")
		cmd.Dir, cmd.SysProcAttr = dir, attr
		return cmd
	}
	return map[string]failing{
		"not in PATH":    {exec.Command("lastly-has-no-such-command"), exec.ErrNotFound, "install it"},
		"no such file":   {exec.Command(dir + "/none"), fs.ErrNotExist, "look at its path"},
		"not executable": {exec.Command(plain), fs.ErrPermission, "chmod +x"},
		"no interpreter": {exec.Command(noInterpreter), fs.ErrNotExist, "interpreter"},
		"no folder":      {in(dir+"/none", nil), fs.ErrNotExist, "chdir"},
		"no folder, 2":   {in(dir+"/none", &syscall.SysProcAttr{}), fs.ErrNotExist, "cmd.Dir"},
		"a file, no dir": {in(plain, nil), syscall.ENOTDIR, "cmd.Dir"},
		"a zero byte":    {exec.Command("true", "a\x00b"), syscall.EINVAL, "true"},
		"a zero byte, 2": {&exec.Cmd{Path: "/bin/true", Env: []string{"A=b\x00c"}}, nil, "contains NUL"},
		"a folder":       {exec.Command(dir), fs.ErrPermission, "it is a folder"},
		"too long":       {exec.Command("true", strings.Repeat("x", 1<<20)), syscall.E2BIG, "by cmd.Stdin"},
		"no command":     {&exec.Cmd{}, nil, "no command"},
	}
}

// TestCannotStart: the error is the one of package exec, names the command and says what to do; nothing stays registered.
func TestCannotStart(t *testing.T) {
	t.Parallel()
	all := failingStarts(t)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	all["ended context"] = failing{exec.CommandContext(ended, "true"), context.Canceled, ""}
	canceled := exec.Command("true")
	canceled.Cancel = func() error { return nil }
	all["no context"] = failing{canceled, nil, "start child true: exec: command with a non-nil Cancel"}
	started := exec.Command("true")
	if err := started.Run(); err != nil {
		t.Fatal(err)
	}
	all["started"] = failing{started, nil, "each start"}
	for name, c := range all {
		var s lastly.Scope
		var out bytes.Buffer
		if c.cmd.Process == nil {
			c.cmd.Stdout = &out
		}
		p, err := resource.Start(&s, c.cmd)
		if p != nil || err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", name, err)
		}
		if n := len(s.Report().Hooks); n != 0 {
			t.Errorf("%s: %d hooks", name, n)
		}
		endTrees(t, &s)
	}
}

// TestCannotStartPipes: nobody waits for what will never be written.
func TestCannotStartPipes(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"lastly-has-no-such-command", os.DevNull} {
		var s lastly.Scope
		cmd := exec.Command(name)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := resource.Start(&s, cmd); err == nil {
			t.Error("it started")
		}
		if _, err := out.Read(make([]byte, 1)); err == nil {
			t.Error("something was read")
		}
		endTrees(t, &s)
	}
}
