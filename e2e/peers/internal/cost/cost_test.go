package cost

import "testing"

// TestSubjects gives every subject a few hooks in every way. Run panics when
// not all of them ran.
func TestSubjects(t *testing.T) {
	subjects := append(Subjects(), LastlyTimeout, LastlyGraph)
	for _, s := range subjects {
		t.Run(s.Name, func(t *testing.T) {
			for _, n := range []int{1, 300} {
				Register(s, n)
				RegisterMemory(s, n)
				if !s.Racy {
					RegisterConcurrently(s, n, 8)
				}
				if s.Removes() {
					Remove(s, n)
				}
				if !s.Exits {
					Run(s, n)
				}
			}
		})
	}
}

func TestGraphHasNoCycle(t *testing.T) {
	const n = 500
	r := LastlyGraph.New(n).(*scope)
	fill([]Registry{r}, n)
	if err := r.scope.Check(); err != nil {
		t.Errorf("Check: %v", err)
	}
	r.Run()
}

func TestRequests(t *testing.T) {
	before := ran.Load()
	RequestScope(10)
	RequestAfterFuncs(10)
	if got, want := ran.Load()-before, int64(2*10*hooksPerRequest); got != want {
		t.Errorf("%d hooks ran, want %d", got, want)
	}
}
