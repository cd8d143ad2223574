package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// generated is packaging/out as packaging/generate makes it, in a copy of the folder.
func generated(t *testing.T) (out string) {
	t.Helper()
	dir := t.TempDir()
	script := strings.ReplaceAll(read(t, folder+"/generate"), "../cmd/lastly", abs(t, "../../cmd/lastly"))
	write(t, filepath.Join(dir, "generate"), script)
	must(t, nil, "bash", filepath.Join(dir, "generate"))
	return filepath.Join(dir, "out")
}

func abs(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestGenerated: the shells take their completions, and .goreleaser.yaml packs what there is.
func TestGenerated(t *testing.T) {
	out := generated(t)
	t.Run("bash", func(t *testing.T) {
		bash := optional(t, "bash")
		script := filepath.Join(out, "completions", "lastly.bash")
		must(t, nil, bash, "-n", script)
		text := must(t, nil, bash, "-euc", `. "$1"; complete -p lastly`, "bash", script)
		wantText(t, text, "complete ", " lastly\n")
	})
	t.Run("zsh", func(t *testing.T) {
		script := filepath.Join(out, "completions", "_lastly")
		if !strings.HasPrefix(read(t, script), "#compdef lastly\n") {
			t.Error("the script for zsh does not begin with #compdef lastly")
		}
		must(t, nil, optional(t, "zsh"), "-n", script)
	})
	t.Run("fish", func(t *testing.T) {
		must(t, nil, optional(t, "fish"), "--no-execute", filepath.Join(out, "completions", "lastly.fish"))
	})
	t.Run("man", func(t *testing.T) {
		man := optional(t, "man")
		for _, page := range []string{"lastly.1", "lastly-run.1", "lastly-sweep.1"} {
			text := must(t, func(cmd *exec.Cmd) { cmd.Env = append(os.Environ(), "MANWIDTH=120") }, man, "--warnings", filepath.Join(out, "man", page))
			wantText(t, text, "NAME", strings.TrimSuffix(page, ".1"))
		}
	})
	t.Run("goreleaser", func(t *testing.T) {
		sources := regexp.MustCompile(`(?m)^ *- (?:src: )?"?((?:packaging|docs|LICENSE|CHANGELOG)[^"\s]*)"?$`).FindAllStringSubmatch(read(t, "../../.goreleaser.yaml"), -1)
		if len(sources) < 6 {
			t.Errorf(".goreleaser.yaml packs only %q", sources)
		}
		for _, found := range sources {
			file := filepath.Join("../..", found[1])
			if rest, ok := strings.CutPrefix(found[1], "packaging/out/"); ok {
				file = filepath.Join(out, rest)
			}
			if all, _ := filepath.Glob(file); len(all) == 0 {
				t.Errorf(".goreleaser.yaml packs %s, and there is none", found[1])
			}
		}
	})
}

// TestUnits: systemd takes the units.
func TestUnits(t *testing.T) {
	analyze := optional(t, "systemd-analyze")
	lastly := filepath.Join(t.TempDir(), "lastly")
	write(t, lastly, "#!/bin/sh\n")
	if err := os.Chmod(lastly, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, manager := range []string{"system", "user"} {
		dir := t.TempDir()
		units, _ := filepath.Glob(filepath.Join(folder, "systemd", manager, "*"))
		if len(units) != 2 {
			t.Errorf("packaging/systemd/%s has %q", manager, units)
		}
		for _, unit := range units {
			text := strings.ReplaceAll(read(t, unit), "ExecStart=lastly ", "ExecStart="+lastly+" ")
			write(t, filepath.Join(dir, filepath.Base(unit)), text)
		}
		runtime := func(cmd *exec.Cmd) { cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+dir) }
		for _, unit := range units {
			status, text := run(t, runtime, analyze, "--"+manager, "--man=no", "verify", filepath.Join(dir, filepath.Base(unit)))
			if status != 0 || strings.Contains(text, dir) || strings.Contains(text, "lastly-sweep") {
				t.Errorf("%s/%s: exit status %d: %s", manager, filepath.Base(unit), status, text)
			}
		}
	}
}
