package main

import (
	"os"
	"os/signal"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if cell := os.Getenv(cellVariable); cell != "" {
		os.Exit(provoke(cell))
	}
	if work := os.Getenv(costVariable); work != "" {
		os.Exit(exitCostChild(work))
	}
	signal.Reset() // xlab/closer took them when it was imported
	// The race detector lets a process linger for a second when it exits.
	_ = os.Setenv("GORACE", "atexit_sleep_ms=0")
	os.Exit(m.Run())
}

// testRunner runs this test binary again. The limit only decides how long a
// hang is watched.
func testRunner(t *testing.T, limit time.Duration) *runner {
	t.Helper()
	r, err := newRunner(limit)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestLastlyHasNoBlemish(t *testing.T) {
	r := testRunner(t, 30*time.Second)
	table, err := r.table(t.Context(), []peer{lastlyPeer}, provocations())
	if err != nil {
		t.Fatal(err)
	}
	for _, blemish := range table.blemishes(lastlyPeer.name) {
		t.Error(blemish)
	}
}

// TestPeers checks that the provocations provoke, by verdicts that follow from
// the libraries' code and from nothing else.
func TestPeers(t *testing.T) {
	r := testRunner(t, 5*time.Second)
	tests := []struct {
		provocation string
		peer        peer
		want        verdict
	}{
		{"order of 5 hooks", closerPeer, fine("LIFO")},
		{"order of 5 hooks", oklogPeer, blemish("FIFO")},
		{"parallel", gratermPeer, fine("yes")},
		{"per-hook deadline", gratermPeer, fine("yes")},
		{"a hook hangs", gratermPeer, blemish("abandoned, reported as success")},
		{"a hook hangs", fxPeer, blemish("rest skipped")},
		{"a hook hangs", suturePeer, fine("abandoned, reported")},
		{"a hook panics", closerPeer, blemish("rest skipped, exit 0")},
		// Neither errgroup's panic nor fx's: deferred functions let Wait, or Stop, return while the panic still
		// unwinds, so main and the crash race, and now and then the process exits with nothing said.
		{"Goexit in a hook", logrusPeer, blemish("hangs")},
		{"register inside a hook", logrusPeer, blemish("dropped")},
		{"Exit inside a hook", tebekaPeer, blemish("deadlocks")},
		{"Exit inside a hook", logrusPeer, blemish("recurses until it crashes")},
		{"shut down again inside a hook", errgroupPeer, blemish("deadlocks")},
		{"concurrent register", afterFuncPeer, fine("ok")},
		{"second SIGTERM forces", oklogPeer, fine("yes")},
		{"second SIGTERM forces", fxPeer, blemish("no")},
		{"unregister", tebekaPeer, fine("yes")},
		{"unregister", fxPeer, verdict{"-", absent}},
		{"dependency order", doPeer, fine("kept")},
		{"dependency order", fxPeer, fine("kept")},
	}
	for _, tt := range tests {
		t.Run(tt.provocation+"/"+tt.peer.name, func(t *testing.T) {
			t.Parallel()
			row, ok := provocationNamed(tt.provocation)
			if !ok {
				t.Fatalf("no provocation %q", tt.provocation)
			}
			cell, err := r.cell(t.Context(), row, tt.peer)
			if err != nil {
				t.Fatal(err)
			}
			if cell.verdict != tt.want {
				t.Errorf("got %+v, want %+v (%s)", cell.verdict, tt.want, cell.Status)
			}
		})
	}
}
