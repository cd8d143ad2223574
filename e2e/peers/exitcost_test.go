package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"
)

// costVariable makes the test binary a process that registers hooks with a
// library that runs them only to end the process: "peer" and the number.
const costVariable = "LASTLY_PEERS_COST"

// BenchmarkExit measures the libraries that end the process, each time in a
// process of its own. Two of them copy all hooks at every register.
func BenchmarkExit(b *testing.B) {
	for _, p := range []peer{tebekaPeer, logrusPeer, closerPeer} {
		for _, n := range sizes {
			if p.name != tebekaPeer.name && n > 1_000 {
				continue // quadratic
			}
			b.Run(fmt.Sprintf("%s/n=%d", p.name, n), func(b *testing.B) {
				var register, run float64
				for b.Loop() {
					a, c := exitCost(b, p, n)
					register += a
					run += c
				}
				b.ReportMetric(register/float64(b.N), "ns/register")
				b.ReportMetric(run/float64(b.N), "ns/run")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// exitCost returns the nanoseconds per hook that one process reports.
func exitCost(b *testing.B, p peer, n int) (register, run float64) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %q", costVariable, n, p.name))
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("%s: %v", p.name, err)
	}
	if _, err := fmt.Sscan(string(out), &register, &run); err != nil {
		b.Fatalf("%s printed %q: %v", p.name, out, err)
	}
	return register, run
}

// exitCostChild registers n hooks and ends. The last hook to run prints both
// figures, because nothing runs after it.
func exitCostChild(work string) int {
	var n int64
	var name string
	if _, err := fmt.Sscanf(work, "%d %q", &n, &name); err != nil {
		return misuse("%s=%q: %v", costVariable, work, err)
	}
	p, ok := peerNamed(name)
	if !ok {
		return misuse("no peer %q", name)
	}
	lib := p.open(patience)
	var ran atomic.Int64
	var register, run time.Duration
	var ending time.Time
	h := func(context.Context) error {
		if ran.Add(1) == n {
			run = time.Since(ending)
			fmt.Println(float64(register)/float64(n), float64(run)/float64(n))
		}
		return nil
	}
	begin := time.Now()
	for range n {
		lib.register("hook", h)
	}
	ending = time.Now()
	register = ending.Sub(begin)
	if err := lib.shutdown(); err != nil {
		return misuse("%v", err)
	}
	return 0
}
