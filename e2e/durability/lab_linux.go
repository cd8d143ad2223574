package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A lab is where things are measured: a folder of its own, and the small program.
type lab struct {
	dir   string
	owner string // the small program
	sizes sizes
}

// sizes say how much of everything makes one figure.
type sizes struct {
	tries  int // of what is over soon
	batch  int // records
	syncs  int // records that wait for the disk
	deaths int // processes of each side that die, or start
	files  int // that are removed
	churn  int // records that are registered and cancelled
}

// whole are the sizes that the goals mean.
var whole = sizes{tries: 20, batch: 1000, syncs: 100, deaths: 9, files: 10_000, churn: 1_000_000}

// newLab makes the folder in parent ("" is that of temporary files), and builds the small program there. It wants the working
// directory to be inside this module, or in a workspace that uses it.
func newLab(ctx context.Context, parent string, s sizes) (l *lab, err error) {
	dir, err := os.MkdirTemp(parent, "lastly-durability-")
	if err != nil {
		return nil, err
	}
	l = &lab{dir: dir, owner: filepath.Join(dir, "owner"), sizes: s}
	build := exec.CommandContext(ctx, "go", "build", "-o", l.owner, "github.com/lastly-go/lastly/e2e/durability/internal/owner")
	if out, err := build.CombinedOutput(); err != nil {
		l.close()
		return nil, fmt.Errorf("build the small program: %w\n%s", err, out)
	}
	return l, nil
}

func (l *lab) close() { _ = os.RemoveAll(l.dir) }

// folder makes an empty folder that only this user can open.
func (l *lab) folder(name string) (string, error) { return os.MkdirTemp(l.dir, name+"-") }

// A bench is what one small process needs: a folder for its journal, and one for its files.
type bench struct {
	lab         *lab
	state, work string
	guarded     bool
}

func (l *lab) bench(guarded bool) (*bench, error) {
	state, err := l.folder("state")
	if err != nil {
		return nil, err
	}
	work, err := l.folder("work")
	if err != nil {
		return nil, err
	}
	return &bench{lab: l, state: state, work: work, guarded: guarded}, nil
}

func (b *bench) close() error { return errors.Join(os.RemoveAll(b.state), os.RemoveAll(b.work)) }

func (b *bench) command(ctx context.Context, role ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, b.lab.owner, role...)
	cmd.WaitDelay = patience
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "LASTLY_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "LASTLY_DIR="+b.state)
	if !b.guarded {
		cmd.Env = append(cmd.Env, "LASTLY_GUARD=off")
	}
	return cmd
}

// run lets a small process do its work to the end, and returns the numbers that it prints.
func (b *bench) run(ctx context.Context, role ...string) ([]float64, error) {
	cmd := b.command(ctx, role...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%q: %w: %s", role, err, stderr.String())
	}
	return parse(string(out))
}

func parse(text string) ([]float64, error) {
	var list []float64
	for word := range strings.FieldsSeq(text) {
		var f float64
		if _, err := fmt.Sscan(word, &f); err != nil {
			return nil, fmt.Errorf("no number in %q: %w", text, err)
		}
		list = append(list, f)
	}
	return list, nil
}

// A holder is a small process with one durable record, which waits.
type holder struct {
	cmd   *exec.Cmd
	stdin io.Closer
	file  string  // that the record is about
	first float64 // nanoseconds of the registration
}

// hold starts a small process that holds a file.
func (b *bench) hold(ctx context.Context, name string) (*holder, error) {
	h := &holder{file: filepath.Join(b.work, name)}
	h.cmd = b.command(ctx, "hold", h.file)
	h.cmd.Stderr = os.Stderr
	stdin, err := h.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	h.stdin = stdin
	stdout, err := h.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := h.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err == nil {
		_, err = fmt.Sscan(line, &h.first)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("a holder printed %q: %w", line, err), h.end())
	}
	return h, nil
}

// end lets the holder end in order, which takes the file and the guard along.
func (h *holder) end() error {
	_ = h.stdin.Close()
	return h.cmd.Wait()
}

// patience is how long is waited for anything that should be over in milliseconds.
const patience = 15 * time.Second

// poll waits until ok is true.
func poll(ctx context.Context, what string, ok func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, ctx.Err())
		}
	}
	return nil
}
