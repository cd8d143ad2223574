package main

import (
	"strings"
	"testing"
)

// observed makes an observation of what a child printed, commas for newlines.
func observed(printed string) observation {
	return observation{events: parseEvents(strings.ReplaceAll(printed, ",", "\n"))}
}

func TestDamage(t *testing.T) {
	killed := observed("ran 1,ran 2")
	killed.killed, killed.code = true, -1
	inCall := observed("ran 1,calling -")
	inCall.killed, inCall.code = true, -1
	crash := observed("ran 1")
	crash.code, crash.stderr = 2, "panic: boom\n\ngoroutine 1 [running]:\n"
	deep := observed("ran 1")
	deep.code, deep.stderr = 2, "fatal error: stack overflow\n\ngoroutine 1 [running]:\n"
	reported := observed("ran 1")
	reported.code = 1

	tests := []struct {
		name string
		o    observation
		want string
	}{
		{"all ran", observed("ran 1,ran 2"), ""},
		{"twice", observed("ran 1,ran 2,ran 1"), "runs hooks twice"},
		{"skipped", observed("ran 1"), "rest skipped, exit 0"},
		{"skipped and reported", reported, "rest skipped"},
		{"hangs", killed, "hangs"},
		{"hangs in a call", inCall, "deadlocks"},
		{"crash", crash, "crashes"},
		{"stack overflow", deep, "recurses until it crashes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.o.damage("1", "2"); got != tt.want {
				t.Errorf("damage = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestDecideTakesTheWorstRun(t *testing.T) {
	row, _ := provocationNamed("dependency order")
	kept := observed("ran server,done server,ran cache,done cache,ran db,done db")
	lost := observed("ran server,ran cache,done server,done cache,ran db,done db")
	if got, want := row.decide([]observation{kept, kept}), fine("kept"); got != want {
		t.Errorf("two good runs: got %v, want %v", got, want)
	}
	if got, want := row.decide([]observation{kept, lost, kept}), blemish("order lost"); got != want {
		t.Errorf("one bad run: got %v, want %v", got, want)
	}
}

func TestJudgeOrder(t *testing.T) {
	lifo := observed("ran 5,ran 4,ran 3,ran 2,ran 1")
	fifo := observed("ran 1,ran 2,ran 3,ran 4,ran 5")
	tests := []struct {
		name string
		runs []observation
		want verdict
	}{
		{"always backwards", []observation{lifo, lifo}, fine("LIFO")},
		{"always forwards", []observation{fifo, fifo}, blemish("FIFO")},
		{"now so, now so", []observation{lifo, fifo}, blemish("none")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := judgeOrder(tt.runs); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestJudgeTwice(t *testing.T) {
	tests := []struct {
		name, printed string
		want          verdict
	}{
		{"both wait", "ran server,done server,ran cache,done cache,ran db,done db,closed 0,closed 1", fine("ok")},
		{"one goes ahead", "closed 1,ran server,done server,ran cache,done cache,ran db,done db,closed 0", blemish("one does not wait")},
		{"gone before the end", "ran server,done server,ran cache,done cache,ran db", blemish("exits during a hook")},
		{"unordered", "ran db,done db,ran cache,done cache,ran server,done server,closed 0,closed 1", fine("ok")},
		{"order lost", "ordered -,ran db,done db,ran cache,done cache,ran server,done server,closed 0,closed 1", blemish("order lost")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := judgeTwice(observed(tt.printed)); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
