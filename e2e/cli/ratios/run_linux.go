package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"
)

const (
	unitAdded = "× what the wrapper adds"
	unitDeaf  = "× what a wrapper adds that passes no signals on"
)

// A front is what stands in front of a command.
type front struct {
	work string
	most float64
	argv []string
	tool string // the program, if it may be missing
}

func (l *lab) fronts() []front {
	return []front{
		{work: "`lastly run -- true`", most: 2.2, argv: []string{l.lastly, "run", "--"}},
		{work: "`lastly run --let-go -- true`", most: 1.7, argv: []string{l.lastly, "run", "--let-go", "--"}},
		{work: "`lastly run --temp -- true`", argv: []string{l.lastly, "run", "--temp", "--"}},
		{work: "`lastly run --on-exit true -- true`", argv: []string{l.lastly, "run", "--on-exit", "true", "--"}},
		{work: "`tini -s -- true`", argv: []string{"tini", "-s", "--"}, tool: "tini"},
		{work: "`dumb-init -- true`", argv: []string{"dumb-init", "--"}, tool: "dumb-init"},
		{work: "`catatonit -- true`", argv: []string{"catatonit", "--"}, tool: "catatonit"},
		{work: "`timeout 1h true`", argv: []string{"timeout", "1h"}, tool: "timeout"},
	}
}

// runs measures what stands in front of a command adds to it.
func (l *lab) runs(ctx context.Context, t *results, rounds int, progress io.Writer) error {
	path, err := exec.LookPath("true")
	if err != nil {
		return err
	}
	env := l.env(l.state)
	// Those that all others are compared with come first.
	sides := []side{{[]string{path}, env}, {[]string{l.wrapper, path}, env}, {[]string{l.deaf, path}, env}}
	first := len(sides)
	var fronts []front
	for _, f := range l.fronts() {
		if f.tool != "" {
			if f.argv[0], err = exec.LookPath(f.tool); err != nil {
				t.missing = append(t.missing, f.tool+", which is not installed")
				continue
			}
		}
		fronts = append(fronts, f)
		sides = append(sides, side{append(slices.Clone(f.argv), path), env})
	}
	for round := range rounds {
		fmt.Fprintf(progress, "ratios: run, round %d of %d\n", round+1, rounds)
		ms, err := l.turns(ctx, l.sizes.tries, sides)
		if err != nil {
			return err
		}
		for i, f := range fronts {
			t.add(f.work, unitAdded, f.most, (ms[first+i]-ms[0])/(ms[1]-ms[0]))
			if f.most > 0 {
				t.add(f.work, unitDeaf, 0, (ms[first+i]-ms[0])/(ms[2]-ms[0]))
			}
		}
		t.add("the wrapper adds", "ms", 0, ms[1]-ms[0])
		t.add("the one that passes no signals on adds", "ms", 0, ms[2]-ms[0])
		if err := l.oneCPU(ctx, t, sides[:first+2], fronts); err != nil {
			return err
		}
	}
	return nil
}

// oneCPU measures what lastly's two processes gain by having a CPU each, by taking one away from all.
func (l *lab) oneCPU(ctx context.Context, t *results, sides []side, fronts []front) error {
	runtime.LockOSThread() // the affinity is a thread's, and its children's
	defer runtime.UnlockOSThread()
	var all, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return err
	}
	for cpu := 0; one.Count() == 0; cpu++ {
		if all.IsSet(cpu) {
			one.Set(cpu)
		}
	}
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return err
	}
	defer func() { _ = unix.SchedSetaffinity(0, &all) }()
	ms, err := l.turns(ctx, max(1, l.sizes.tries/2), sides)
	if err != nil {
		return err
	}
	first := len(sides) - 2
	for i, f := range fronts[:2] {
		t.add(f.work+", all on one CPU", unitAdded, 0, (ms[first+i]-ms[0])/(ms[1]-ms[0]))
	}
	return nil
}
