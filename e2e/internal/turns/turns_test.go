package turns

import (
	"errors"
	"slices"
	"testing"
)

// sequence is a side that takes these, one after the other, and notes its name.
func sequence(order *string, name string, took ...float64) Side {
	return func() (float64, error) {
		*order += name
		next := took[0]
		took = took[1:]
		return next, nil
	}
}

func TestSidesTakeTurns(t *testing.T) {
	ways := []struct {
		name    string
		measure func(round, tries int, sides ...Side) ([]float64, error)
		want    []float64
	}{
		{"Least", Least, []float64{6, 3}},
		{"Middle", Middle, []float64{7, 4}},
	}
	for _, way := range ways {
		for round, want := range []string{"abbaab", "baabba"} {
			order := ""
			got, err := way.measure(round, 3, sequence(&order, "a", 60, 6, 7), sequence(&order, "b", 3, 50, 4))
			if err != nil || !slices.Equal(got, way.want) {
				t.Errorf("%s, round %d: got %v, %v, want %v", way.name, round, got, err, way.want)
			}
			if order != want {
				t.Errorf("%s, round %d: measured %q, want %q", way.name, round, order, want)
			}
		}
	}
}

func TestAnErrorEndsIt(t *testing.T) {
	errBroken := errors.New("broken")
	calls := 0
	broken := func() (float64, error) {
		calls++
		return 0, errBroken
	}
	if _, err := Ratio(Least(0, 3, broken, broken)); !errors.Is(err, errBroken) || calls != 1 {
		t.Errorf("got %v after %d calls, want %v after one", err, calls, errBroken)
	}
	if _, err := Middle(0, 3, broken); !errors.Is(err, errBroken) {
		t.Errorf("got %v, want %v", err, errBroken)
	}
	if _, err := Each(3, func() error { return errBroken }); !errors.Is(err, errBroken) {
		t.Errorf("got %v, want %v", err, errBroken)
	}
}

func TestRatio(t *testing.T) {
	if got, err := Ratio([]float64{6, 3}, nil); got != 2 || err != nil {
		t.Errorf("got %v, %v, want 2", got, err)
	}
	if got, err := Ratio([]float64{6, 0}, nil); err == nil {
		t.Errorf("got %v, want an error", got)
	}
}
