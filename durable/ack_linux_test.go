package durable_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/testproc"
)

var _ = addVictims(testproc.Victims{"acknowledges": acknowledgesVictim})

// acknowledgesVictim registers, updates and cancels all the time, and writes down what has been acknowledged: "+ N" is
// registered, "u N K" updated to K, "- N" about to be cancelled, "x N" cancelled.
func acknowledgesVictim(args []string) {
	acks, err := os.OpenFile(args[1], os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(err)
	ack := func(format string, args ...any) {
		_, err := fmt.Fprintf(acks, format+"\n", args...)
		must(err)
	}
	must(durable.Setup(durable.Settings{GuardLimit: testproc.Limit}))
	var last atomic.Int64
	s := &lastly.Scope{}
	mustNote(s, note{}, lastly.Hook{}).Cancel() // who is killed before it has a guard leaves an empty journal to the next start
	for worker := range 4 {
		go func() {
			r := rand.New(rand.NewPCG(uint64(os.Getpid()), uint64(worker)))
			for range 1000 { // so that the guard has an end of it, however late the kill comes
				n := last.Add(1)
				padding := strings.Repeat("p", r.IntN(2000)) // so that records move between places of all sizes
				rec := mustNote(s, note{Log: args[0], Line: fmt.Sprint(n, " ", 0), Do: "pad" + padding}, lastly.Hook{Uses: lastly.Nothing})
				ack("+ %d", n)
				for k := range r.IntN(3) {
					must(rec.Update(note{Log: args[0], Line: fmt.Sprint(n, " ", k+1)}))
					ack("u %d %d", n, k+1)
				}
				if r.IntN(10) > 0 {
					ack("- %d", n)
					rec.Cancel()
					ack("x %d", n)
				}
			}
		}()
	}
	say("ready")
	forever()
}

// TestAcknowledged: whatever moment the owner is killed in, what was acknowledged is settled, with the last payload that
// was; what was cancelled is not.
func TestAcknowledged(t *testing.T) {
	t.Parallel()
	for round := range 6 {
		s := newState(t)
		acks := s.beside("acks")
		p := s.start("acknowledges", s.log, acks)
		p.WaitLine("ready")
		testproc.Linger(time.Duration(5+rand.IntN(60)) * time.Millisecond)
		killed(t, p)
		s.waitEmpty()
		settled := settledBy(t, s.log)
		registered, ended, updates := readAcks(t, acks)
		for n := range registered {
			got, ok := settled[n]
			switch {
			case ended[n] == "" && !ok:
				t.Errorf("round %d: record %d was acknowledged, and not settled", round, n)
			case ended[n] == "x" && ok:
				t.Errorf("round %d: record %d was cancelled, and settled", round, n)
			case ok && got < updates[n]:
				t.Errorf("round %d: record %d was settled with payload %d, acknowledged was %d", round, n, got, updates[n])
			}
		}
		if len(registered) < 2 {
			t.Logf("round %d: only %d records", round, len(registered))
		}
	}
}

// settledBy reads which records were settled with which update, and checks that none was twice.
func settledBy(t *testing.T, log string) map[int]int {
	t.Helper()
	settled := make(map[int]int)
	for _, line := range readLines(log) {
		var n, k int
		line = strings.TrimSuffix(line, " ended") // of those with padding
		if _, err := fmt.Sscanf(line, "%d %d", &n, &k); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if before, twice := settled[n]; twice && before != k {
			t.Errorf("record %d was settled with %d and %d", n, before, k)
		}
		settled[n] = k
	}
	return settled
}

func readAcks(t *testing.T, file string) (registered map[int]bool, ended map[int]string, updates map[int]int) {
	t.Helper()
	registered, ended, updates = make(map[int]bool), make(map[int]string), make(map[int]int)
	for _, line := range readLines(file) {
		words := strings.Fields(line)
		n, err := strconv.Atoi(words[1])
		fatal(t, err)
		switch words[0] {
		case "+":
			registered[n] = true
		case "u":
			updates[n], err = strconv.Atoi(words[2])
			fatal(t, err)
		default:
			ended[n] = words[0]
		}
	}
	return registered, ended, updates
}
