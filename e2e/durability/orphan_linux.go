package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/e2e/internal/turns"
)

// treeRemoved compares the next start of a program that left a tree with rm: both are whole processes.
func (l *lab) treeRemoved(ctx context.Context, round int) (float64, error) {
	plant := func(dir string) error { return plantTree(dir, l.sizes.files) }
	return turns.Ratio(turns.Least(round, 1,
		func() (float64, error) {
			return l.recovering(ctx, 1, func(b *bench, path string) error {
				return errors.Join(plant(path), b.leave(ctx, "tree", path))
			})
		},
		func() (float64, error) { return l.removing(ctx, plant) },
	))
}

// filesRemoved is the same for files with a record each; see the small program about the names.
func (l *lab) filesRemoved(names string) func(context.Context, int) (float64, error) {
	n := l.sizes.files
	return func(ctx context.Context, round int) (float64, error) {
		return turns.Ratio(turns.Least(round, 1,
			func() (float64, error) {
				return l.recovering(ctx, n, func(b *bench, path string) error {
					return errors.Join(os.Mkdir(path, 0o700), b.leave(ctx, names, path, strconv.Itoa(n)))
				})
			},
			func() (float64, error) {
				return l.removing(ctx, func(dir string) error { return plantFiles(dir, n, names == "new") })
			},
		))
	}
}

// recovering leaves something behind in path, and returns the nanoseconds in which the next start settles these records.
func (l *lab) recovering(ctx context.Context, records int, left func(b *bench, path string) error) (took float64, err error) {
	b, err := l.bench(false)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	path := filepath.Join(b.work, "left")
	if err := left(b, path); err != nil {
		return 0, err
	}
	begin := time.Now()
	if _, err = b.run(ctx, "recover", strconv.Itoa(records)); err != nil {
		return 0, err
	}
	took = float64(time.Since(begin))
	entries, err := os.ReadDir(path)
	switch {
	case len(entries) > 0:
		err = fmt.Errorf("%d files are left", len(entries))
	case errors.Is(err, os.ErrNotExist):
		err = nil
	}
	return took, err
}

// removing returns the nanoseconds in which rm removes what is planted.
func (l *lab) removing(ctx context.Context, plant func(dir string) error) (float64, error) {
	dir, err := l.folder("rm")
	if err != nil {
		return 0, err
	}
	if err := plant(dir); err != nil {
		return 0, err
	}
	begin := time.Now()
	out, err := exec.CommandContext(ctx, "rm", "-rf", dir).CombinedOutput()
	took := time.Since(begin)
	if err != nil {
		return 0, fmt.Errorf("rm: %w: %s", err, out)
	}
	return float64(took), nil
}

// leave lets a small process register and die.
func (b *bench) leave(ctx context.Context, what ...string) error {
	cmd := b.command(ctx, append([]string{"leave"}, what...)...)
	out, err := cmd.CombinedOutput()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() && ctx.Err() == nil {
		return nil
	}
	return fmt.Errorf("leave %q did not die: %w: %s", what, err, out)
}

// plantTree makes files in folders of a hundred.
func plantTree(root string, files int) error {
	for i := range (files + 99) / 100 {
		dir := filepath.Join(root, fmt.Sprintf("folder-%d", i))
		if err := errors.Join(os.MkdirAll(dir, 0o755), plantFiles(dir, min(100, files-100*i), false)); err != nil {
			return err
		}
	}
	return nil
}

// plantFiles makes files in one folder, with names like those that the small program gives.
func plantFiles(dir string, files int, newNames bool) error {
	for i := range files {
		name := fmt.Sprintf("file-%d", i)
		if newNames {
			name = durable.NewName("file-")
		}
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			return err
		}
	}
	return nil
}
