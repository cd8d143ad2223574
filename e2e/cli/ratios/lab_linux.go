package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A lab is where things are measured: a folder of its own, with the programs.
type lab struct {
	dir     string
	lastly  string
	wrapper string
	deaf    string // a wrapper that passes no signals on
	empty   string
	state   string // LASTLY_DIR
	sizes   sizes
	null    *os.File
}

// sizes say how much of everything makes one figure.
type sizes struct {
	tries   int // runs of each program in a round
	lists   int // of each command that lists much
	records int
}

// whole are the sizes that the goals mean.
var whole = sizes{tries: 40, lists: 3, records: 100_000}

// newLab makes the folder in parent ("" is that of temporary files), and builds the programs there. It wants the working directory
// to be in this workspace.
func newLab(ctx context.Context, parent string, s sizes) (*lab, error) {
	dir, err := os.MkdirTemp(parent, "lastly-ratios-")
	if err != nil {
		return nil, err
	}
	l := &lab{dir: dir, sizes: s, state: filepath.Join(dir, "state")}
	if err := l.setUp(ctx); err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

func (l *lab) setUp(ctx context.Context) (err error) {
	if err := os.Mkdir(l.state, 0o700); err != nil {
		return err
	}
	if l.null, err = os.OpenFile(os.DevNull, os.O_RDWR, 0); err != nil {
		return err
	}
	const module = "github.com/lastly-go/lastly/"
	for _, p := range []struct {
		name, path string
		file       *string
	}{
		{"lastly", module + "cmd/lastly", &l.lastly},
		{"wrapper", module + "e2e/cli/ratios/internal/wrapper", &l.wrapper},
		{"deaf", module + "e2e/cli/ratios/internal/deaf", &l.deaf},
		{"empty", module + "e2e/cli/ratios/internal/empty", &l.empty},
	} {
		*p.file = filepath.Join(l.dir, p.name)
		if err := build(ctx, p.path, *p.file); err != nil {
			return err
		}
	}
	return nil
}

// build builds a program, and copies it as installing does: the linker writes its file page by page, and of such a file, as long as it is
// in memory, every start takes a tenth longer.
func build(ctx context.Context, path, file string) error {
	built := file + ".built"
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", built, path)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w; be in the folder of this workspace\n%s", path, err, out)
	}
	text, err := os.ReadFile(built)
	if err == nil {
		err = os.WriteFile(file, text, 0o700)
	}
	return errors.Join(err, os.Remove(built))
}

func (l *lab) close() error {
	var closed error
	if l.null != nil {
		closed = l.null.Close()
	}
	return errors.Join(closed, os.RemoveAll(l.dir))
}

// env is the environment of everything that is measured, with this folder of journals.
func (l *lab) env(state string, more ...string) (env []string) {
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "LASTLY_") && !strings.HasPrefix(v, "TMPDIR=") {
			env = append(env, v)
		}
	}
	return append(append(env, "LASTLY_DIR="+state, "TMPDIR="+l.dir), more...)
}
