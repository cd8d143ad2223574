package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/cmd/lastly/internal/run/config"
	"github.com/lastly-go/lastly/durable"
)

func TestGood(t *testing.T) {
	t.Parallel()
	for name, text := range good {
		if _, err := config.Parse("f.yaml", []byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFaults: each is told with its line and what to do next.
func TestFaults(t *testing.T) {
	t.Parallel()
	for name, fault := range faults {
		_, err := config.Parse("f.yaml", []byte(fault.text))
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		if text := err.Error(); !strings.HasPrefix(text, fmt.Sprintf("f.yaml:%d: ", fault.line)) || !strings.Contains(text, fault.says) || !strings.Contains(text, "; ") {
			t.Errorf("%s: %q, want line %d, %q, and what to do", name, text, fault.line, fault.says)
		}
	}
}

// TestMeaning: what the keys become.
func TestMeaning(t *testing.T) {
	t.Parallel()
	f, err := config.Parse("f.yaml", []byte(good["all keys"]))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"--grace=10s", "--timeout=1m30s", "--lock=l", "--no-wait", "--let-go", "--group", "--ok-status=143", "--ok-status=3", "--report=r.json", "--signal-rewrite=TERM:QUIT", "--signal-rewrite=SIGHUP:0"}
	if !slices.Equal(f.Flags, want) || !slices.Equal(f.Remove, []string{"a", "b/c"}) {
		t.Errorf("flags %q, want %q; remove %q", f.Flags, want, f.Remove)
	}
	h := f.Hooks[0]
	command := durable.Command{Args: []string{"a"}, Dir: "d", Env: []string{"A", "B"}}
	if h.Name != "n" || !slices.Equal(h.Uses, lastly.Nothing) || h.Timeout != 30*time.Second || h.OnFailure || !reflect.DeepEqual(h.Command, command) {
		t.Errorf("%+v", h)
	}
	f, err = config.Parse("f.yaml", []byte(good["as written"]))
	if want := []string{"chmod", "0755", "1e3", "true", "Yes", "0x1F", "~", ".5", "a\tb"}; err != nil || !slices.Equal(f.Hooks[0].Command.Args, want) {
		t.Errorf("%+v, %v, want %q", f.Hooks, err, want)
	}
	f, err = config.Parse("f.yaml", []byte(good["a block"]))
	if err != nil || !f.Hooks[0].OnFailure || f.Hooks[0].Uses != nil || f.Hooks[0].Name != "hook 1 (sh)" || f.Hooks[0].Command.Args[2] != "echo a\necho b\n" {
		t.Errorf("%+v, %v", f, err)
	}
	f, err = config.Parse("f.yaml", []byte(good["times"]))
	if err != nil || f.Time() != 24*time.Hour+500*time.Millisecond+40*time.Second+250*time.Millisecond {
		t.Errorf("%+v, %v", f, err)
	}
}

// TestBounds: a file can't keep the parser busy, not with aliases either.
func TestBounds(t *testing.T) {
	t.Parallel()
	hooks := func(n int) string { return "hooks: [" + strings.Repeat("{argv: [x]}, ", n) + "]" }
	if _, err := config.Parse("f", []byte(hooks(1000))); err != nil {
		t.Error(err)
	}
	words := "hooks:\n  - argv: &a [" + strings.Repeat("x, ", 1000) + "]\n"
	for says, text := range map[string]string{
		"1001 hooks; 1000 are the most":        hooks(1001),
		"more than 100000 entries":             words + strings.Repeat("  - argv: *a\n", 200),
		"more than 100000 entries in all list": "lock: [" + strings.Repeat("x, ", 100_001) + "]",
	} {
		if _, err := config.Parse("f", []byte(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
	deep := strings.Repeat("[", 200_000)
	if _, err := config.Parse("f", []byte(deep)); err == nil {
		t.Error("deep: no error")
	}
}

// TestRead: what can't be run is found before anything is registered.
func TestRead(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("IS_SET", "1")
	write := func(name, text string, mode os.FileMode) {
		if err := os.WriteFile(name, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("program", "#!/bin/sh\n", 0o700)
	if err := os.Mkdir("folder", 0o700); err != nil {
		t.Fatal(err)
	}
	write("right", "hooks:\n  - {argv: [./program, x], dir: folder, env: [IS_SET]}\n", 0o600)
	f, err := config.Read("right")
	if err != nil {
		t.Fatal(err)
	}
	want := durable.Command{Args: []string{filepath.Join(dir, "program"), "x"}, Dir: filepath.Join(dir, "folder"), Env: []string{"IS_SET"}}
	if got := f.Hooks[0].Command; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	write("big", strings.Repeat("#", 1<<20), 0o600)
	if _, err := config.Read("big"); err == nil || !strings.Contains(err.Error(), "nothing in it") {
		t.Errorf("just small enough: %v", err)
	}
	write("big", strings.Repeat("#", 1<<20+1), 0o600)
	write("unknown", "hooks:\n  - {argv: [./program]}\n  - {argv: [./none]}\n", 0o600)
	write("noexec", "hooks:\n  - {name: a, argv: [./right]}\n", 0o600)
	write("nodir", "hooks:\n  - {argv: [./program], dir: none}\n", 0o600)
	write("nofolder", "hooks:\n  - {argv: [./program], dir: program}\n", 0o600)
	write("unset", "hooks:\n  - {argv: [./program], env: [IS_SET, IS_NOT_SET]}\n", 0o600)
	write("root", "temp: true\nremove: [program, /]\n", 0o600)
	write("zero", "hooks:\n  - {argv: [./program, \"\\0\"]}\n", 0o600)
	for name, says := range map[string]string{
		"none":     "--config none: no such file",
		"folder":   "--config folder: is a directory; ",
		"big":      "--config big: it has more than 1048576 bytes; ",
		"unknown":  "unknown:3: hook 2 (none): ",
		"noexec":   "noexec:2: hook a: ",
		"nodir":    "nodir:2: hook 1 (program): ",
		"nofolder": "is no folder",
		"unset":    "unset:2: hook 1 (program): env: the variable IS_NOT_SET is not set; ",
		"root":     "root:2: remove /: ",
		"zero":     "zero byte",
	} {
		if _, err := config.Read(name); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "; ") {
			t.Errorf("%s: %v, want %q", name, err, says)
		}
	}
}
