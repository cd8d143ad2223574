package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"
)

// A runner observes cells, each in processes of its own.
type runner struct {
	executable string
	limit      time.Duration // after which a child is killed
	slots      chan struct{} // bounds how many children live at a time
}

// concurrency is more than the machine has cores: most of a cell's time goes
// by in waiting for one that hangs.
const concurrency = 8

func newRunner(limit time.Duration) (*runner, error) {
	executable, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the program to run again: %w", err)
	}
	return &runner{executable: executable, limit: limit, slots: make(chan struct{}, concurrency)}, nil
}

// table observes every cell.
func (r *runner) table(ctx context.Context, columns []peer, rows []provocation) (*table, error) {
	t := newTable(columns, rows)
	errs := make([]error, len(columns)*len(rows))
	var wg sync.WaitGroup
	for i, row := range rows {
		for j, column := range columns {
			wg.Go(func() {
				t.Rows[i].Cells[j], errs[i*len(columns)+j] = r.cell(ctx, row, column)
			})
		}
	}
	wg.Wait()
	return t, errors.Join(errs...)
}

// cell observes one cell, as often as its provocation wants.
func (r *runner) cell(ctx context.Context, row provocation, column peer) (cell, error) {
	var runs []observation
	for range max(1, row.runs) {
		o, err := r.child(ctx, row.name+"@"+column.name)
		if err != nil {
			return cell{}, fmt.Errorf("%s, %s: %w", row.name, column.name, err)
		}
		runs = append(runs, o)
		if o.absent() {
			break
		}
	}
	last := runs[len(runs)-1]
	return cell{
		Peer:    column.name,
		verdict: row.decide(runs),
		Status:  last.status,
		Seconds: last.took.Seconds(),
	}, nil
}

// child runs one child to its end, or to the limit.
func (r *runner) child(ctx context.Context, cell string) (observation, error) {
	r.slots <- struct{}{}
	defer func() { <-r.slots }()

	limited, cancel := context.WithTimeout(ctx, r.limit)
	defer cancel()
	var stdout, stderr capture
	cmd := exec.CommandContext(limited, r.executable)
	cmd.Env = append(os.Environ(), cellVariable+"="+cell)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	// CommandContext kills at the end of the context. A child has no children
	// that could keep the pipes open; this is for the day when one has.
	cmd.WaitDelay = time.Second

	start := time.Now()
	err := cmd.Run()
	if ctx.Err() != nil {
		return observation{}, context.Cause(ctx)
	}
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		return observation{}, err
	}
	o := observation{
		events: parseEvents(stdout.String()),
		stderr: stderr.String(),
		killed: limited.Err() != nil,
		took:   time.Since(start),
	}
	o.statusOf(cmd.ProcessState)
	return o, nil
}

// A capture keeps the first megabyte of what is written to it: a hook that
// recurses says the same thing for very long.
type capture struct{ bytes.Buffer }

const captured = 1 << 20

func (c *capture) Write(p []byte) (int, error) {
	if room := captured - c.Len(); room > 0 {
		c.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
