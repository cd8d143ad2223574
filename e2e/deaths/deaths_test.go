package main

import (
	"os"
	"strings"
	"testing"

	"github.com/lastly-go/lastly/examples/matrix"
)

// The victims are this test binary again.
func TestMain(m *testing.M) {
	if matrix.IsRole() {
		matrix.Main()
	}
	os.Exit(m.Run())
}

// TestDeaths dies all deaths. What this machine can't have is skipped, and said; where this process may have everything,
// and LASTLY_REQUIRE_REAL is set, that is a failure.
func TestDeaths(t *testing.T) {
	if testing.Short() {
		t.Skip("31 deaths take a while")
	}
	if len(matrix.Deaths()) == 0 {
		t.Skip(matrix.ErrUnsupported)
	}
	r, err := matrix.Run(t.Context(), matrix.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	if err := r.WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + table.String())
	if !r.OK() {
		t.Errorf("not all is clean: %s", r.Summary())
	}
	for _, row := range r.Rows {
		// A memory cgroup is not everywhere, also for root.
		if row.Skipped != "" && !strings.HasPrefix(row.Skipped, "no memory cgroup") && matrix.Privileged() && os.Getenv("LASTLY_REQUIRE_REAL") != "" {
			t.Errorf("%s was skipped, and this process may have what it needs: %s", row.Death, row.Skipped)
		}
	}
}
