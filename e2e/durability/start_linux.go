package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/e2e/internal/turns"
)

// registered compares a whole registration with a bare pwrite, in a small process.
func (l *lab) registered(ctx context.Context, round int) (float64, error) {
	return turns.Ratio(l.alone(ctx, 2, "register", strconv.Itoa(round), strconv.Itoa(l.sizes.tries), strconv.Itoa(l.sizes.batch)))
}

// churnedKB is the size of a journal in which one record came and went after the other.
func (l *lab) churnedKB(ctx context.Context, _ int) (float64, error) {
	figures, err := l.alone(ctx, 1, "churn", strconv.Itoa(l.sizes.churn))
	if err != nil {
		return 0, err
	}
	return figures[0] / 1024, nil
}

// alone lets a small process without a guard print so many figures.
func (l *lab) alone(ctx context.Context, want int, role ...string) (figures []float64, err error) {
	b, err := l.bench(false)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	if figures, err = b.run(ctx, role...); err == nil && len(figures) != want {
		err = fmt.Errorf("%q printed %v", role, figures)
	}
	return figures, err
}

// firstMS is the median of what the first registration takes, in milliseconds.
func (l *lab) firstMS(ctx context.Context, round int) (float64, error) {
	figures, err := turns.Middle(round, l.sizes.deaths, l.first(ctx))
	if err != nil {
		return 0, err
	}
	return figures[0] / 1e6, nil
}

// firstRatio compares that with the first fork and exec of an equal process.
func (l *lab) firstRatio(ctx context.Context, round int) (float64, error) {
	return turns.Ratio(turns.Middle(round, l.sizes.deaths, l.first(ctx), func() (float64, error) {
		figures, err := l.alone(ctx, 1, "spawn")
		if err != nil {
			return 0, err
		}
		return figures[0], nil
	}))
}

func (l *lab) first(ctx context.Context) turns.Side {
	return func() (took float64, err error) {
		err = l.whileHeld(ctx, func(h *holder) error {
			took = h.first
			return nil
		})
		return took, err
	}
}

// whileHeld looks at a guarded process, which then ends in order.
func (l *lab) whileHeld(ctx context.Context, look func(*holder) error) (err error) {
	b, err := l.bench(true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	h, err := b.hold(ctx, durable.NewName("file-"))
	if err != nil {
		return err
	}
	return errors.Join(look(h), h.end())
}

// guardMB is what a waiting guard has of its own, in megabytes: pages that no other process shares.
func (l *lab) guardMB(ctx context.Context, _ int) (mb float64, err error) {
	err = l.whileHeld(ctx, func(h *holder) error {
		pid, err := h.guard(ctx)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "smaps_rollup"))
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(text)) {
			if name, _, _ := strings.Cut(line, ":"); name != "Private_Clean" && name != "Private_Dirty" {
				continue
			}
			fields := strings.Fields(line)
			kb, err := strconv.Atoi(fields[1])
			if err != nil {
				return fmt.Errorf("smaps_rollup: %q: %w", line, err)
			}
			mb += float64(kb) / 1024
		}
		return nil
	})
	return mb, err
}
