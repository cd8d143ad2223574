package run_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lastly-go/lastly/internal/testproc"
)

// BenchmarkRun compares what `true` takes in addition when something runs it: each of them in turn, so that a busy machine is busy
// for all, and medians. times/bare is the ratio to a bare Go program with os/exec; see docs/performance.md.
//
//	go test -run '^$' -bench Run -benchtime 300x ./internal/run
func BenchmarkRun(b *testing.B) {
	dir := b.TempDir()
	tool, bare := build(b, dir, "../.."), build(b, dir, "./testdata/bare")
	commands := map[string][]string{
		"true": {"true"}, "bare": {bare, "true"}, "run": {tool, "run", "--", "true"}, "let-go": {tool, "run", "--let-go", "--", "true"},
		"tini": {"tini", "-s", "--", "true"}, "dumb-init": {"dumb-init", "true"},
	}
	took := make(map[string][]time.Duration)
	for b.Loop() {
		for name, words := range commands {
			cmd := exec.Command(words[0], words[1:]...)
			if cmd.Err != nil {
				continue // not installed
			}
			began := time.Now()
			fatal(b, cmd.Run())
			took[name] = append(took[name], time.Since(began))
		}
	}
	base := median(took["true"])
	for name := range took {
		if name != "true" {
			b.ReportMetric(float64(median(took[name])-base)/float64(median(took["bare"])-base), name+"/bare")
		}
	}
	b.ReportMetric(float64(privateMemory(b, tool))/1024, "private-MB")
}

func build(b *testing.B, dir, pkg string) string {
	b.Helper()
	path := filepath.Join(dir, filepath.Base(pkg)+"-built")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	return path
}

func median(list []time.Duration) time.Duration {
	slices.Sort(list)
	return list[len(list)/2]
}

// privateMemory is that of the two processes of a run, in KB.
func privateMemory(b *testing.B, tool string) (sum int) {
	b.Helper()
	ready := filepath.Join(b.TempDir(), "ready")
	cmd := exec.Command(tool, "run", "--", "sh", "-c", "echo $PPID >"+ready+"; exec sleep 100")
	fatal(b, cmd.Start())
	defer func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	}()
	var inner int
	testproc.Poll(b, "the command", func() bool {
		text, _ := os.ReadFile(ready)
		inner, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		return inner > 0
	})
	testproc.Linger(300 * time.Millisecond) // the inner one has its second thread by then
	for _, pid := range []int{cmd.Process.Pid, inner} {
		f, err := os.Open(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		fatal(b, err)
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if words := strings.Fields(lines.Text()); len(words) == 3 && strings.HasPrefix(words[0], "Private_") {
				n, _ := strconv.Atoi(words[1])
				sum += n
			}
		}
		fatal(b, f.Close())
	}
	return sum
}
