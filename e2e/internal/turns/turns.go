// Package turns measures pieces of work side by side, so that what disturbs a machine disturbs all of them.
package turns

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"
)

// A Side is one piece of work. It returns what that took: nanoseconds, for each of whatever is counted.
type Side func() (float64, error)

// Least returns what each side takes when nothing disturbs it, which is the least of a few tries. The sides take turns, and
// which one goes first changes, so that none always inherits another's garbage and caches.
func Least(round, tries int, sides ...Side) ([]float64, error) {
	least := make([]float64, len(sides))
	for i := range least {
		least[i] = math.Inf(1)
	}
	err := each(round, tries, len(sides), func(side int) error {
		took, err := sides[side]()
		least[side] = min(least[side], took)
		return err
	})
	return least, err
}

// Middle returns the median of what each side takes. It is for what has no least, since it depends on more than one process.
func Middle(round, tries int, sides ...Side) ([]float64, error) {
	all := make([][]float64, len(sides))
	err := each(round, tries, len(sides), func(side int) error {
		took, err := sides[side]()
		all[side] = append(all[side], took)
		return err
	})
	if err != nil {
		return nil, err
	}
	medians := make([]float64, len(sides))
	for i := range all {
		medians[i] = Median(all[i])
	}
	return medians, nil
}

// each calls do with every side, tries times, in turns.
func each(round, tries, sides int, do func(side int) error) error {
	for try := range tries {
		for i := range sides {
			if err := do((round + try + i) % sides); err != nil {
				return err
			}
		}
	}
	return nil
}

// Median sorts the list, which must not be empty, and returns the one in the middle.
func Median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}

// Each returns the nanoseconds that each of n calls takes. The garbage of the work before is not this one's.
func Each(n int, call func() error) (float64, error) {
	runtime.GC()
	begin := time.Now()
	for range n {
		if err := call(); err != nil {
			return 0, err
		}
	}
	return float64(time.Since(begin)) / float64(n), nil
}

// Ratio compares the first of a few figures with the second.
func Ratio(figures []float64, err error) (float64, error) {
	if err != nil {
		return 0, err
	}
	if len(figures) < 2 || figures[1] <= 0 {
		return 0, fmt.Errorf("turns: no ratio of %v", figures)
	}
	return figures[0] / figures[1], nil
}
