package cost

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// Programs are two programs that do nothing, one of them under lastly.Main.
type Programs struct{ Empty, Idle string }

// BuildPrograms builds both into the directory. It wants the working directory
// to be inside this module, or in a workspace that uses it.
func BuildPrograms(ctx context.Context, dir string) (Programs, error) {
	const parent = "github.com/lastly-go/lastly/e2e/peers/internal/"
	build := exec.CommandContext(ctx, "go", "build", "-o", dir+string(filepath.Separator), parent+"empty", parent+"idle")
	if out, err := build.CombinedOutput(); err != nil {
		return Programs{}, fmt.Errorf("cost: build the programs: %w\n%s", err, out)
	}
	return Programs{Empty: filepath.Join(dir, "empty"), Idle: filepath.Join(dir, "idle")}, nil
}

// pairs is how many processes of each program make one difference.
const pairs = 20

// Difference returns how many milliseconds more the program under lastly.Main
// takes, from its start until it is gone. The two take turns; what is compared
// is the median of each.
func (p Programs) Difference(ctx context.Context) (float64, error) {
	var empty, idle []time.Duration
	for range pairs {
		for program, times := range map[string]*[]time.Duration{p.Empty: &empty, p.Idle: &idle} {
			took, err := process(ctx, program)
			if err != nil {
				return 0, err
			}
			*times = append(*times, took)
		}
	}
	slices.Sort(empty)
	slices.Sort(idle)
	return (idle[pairs/2] - empty[pairs/2]).Seconds() * 1000, nil
}

// process returns the wall time of one process.
func process(ctx context.Context, program string) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, program)
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("cost: run %s: %w", filepath.Base(program), err)
	}
	return time.Since(begin), nil
}
