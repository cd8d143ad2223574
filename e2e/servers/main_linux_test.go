package servers

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/examples/service/app"
	"github.com/lastly-go/lastly/internal/testproc"
)

// TestMain makes the test binary one of its victims, and the guard of one, which gets no further than Init. The tests
// have a guard as well: should they be killed, it ends the servers that they started.
func TestMain(m *testing.M) {
	durable.Init()
	if app.IsRole() { // a child of the example service
		app.Main()
	}
	os.Exit(testproc.OwnFolder(func() int {
		return testproc.Main(m, pgVictims, redisVictims, natsVictims, grpcVictims, otelVictims, webVictims, childVictims)
	}))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// program is what victims give to Main: when all is over it tells what each hook did, for CheckLines.
func program() lastly.Program { return lastly.Program{OnExit: tell} }

// tell writes a line for the begin and the end of each hook, in the order in which these happened, and one for each note.
func tell(r lastly.Report) {
	hooks := flatten(r, "")
	// A hook begins in the very moment in which the last one ended that it waited for.
	slices.SortFunc(hooks, func(a, b span) int { return cmp.Or(a.ended.Compare(b.ended), a.began.Compare(b.began)) })
	var events []event
	for _, h := range hooks {
		events = append(events, event{h.began, "began " + h.name}, event{h.ended, "ended " + h.name + ": " + string(h.Outcome)})
	}
	slices.SortStableFunc(events, func(a, b event) int { return a.at.Compare(b.at) })
	for _, e := range events {
		testproc.Say("%s", e.what)
	}
	for _, h := range hooks {
		if h.Note != "" {
			testproc.Say("note %s: %s", h.name, h.Note)
		}
	}
}

type event struct {
	at   time.Time
	what string
}

type span struct {
	lastly.HookReport
	name         string // with those of the scopes that it is in
	began, ended time.Time
}

func flatten(r lastly.Report, prefix string) (hooks []span) {
	for _, h := range r.Hooks {
		began := r.Began.Add(h.Start)
		hooks = append(hooks, span{h, prefix + h.Name, began, began.Add(h.Duration)})
		if h.Scope != nil {
			hooks = append(hooks, flatten(*h.Scope, prefix+h.Name+"/")...)
		}
	}
	return hooks
}

// said are what follows the word on each line of a victim's output that begins with it.
func said(output, word string) (rest []string) {
	for line := range strings.Lines(output) {
		if text, ok := strings.CutPrefix(line, word+" "); ok && strings.HasSuffix(text, "\n") {
			rest = append(rest, strings.TrimSuffix(text, "\n"))
		}
	}
	return rest
}

// saidNumbers is said for numbers.
func saidNumbers(t *testing.T, output, word string) (numbers []int) {
	t.Helper()
	for _, text := range said(output, word) {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, n)
	}
	return numbers
}

// waitSaid waits until a victim wrote so many lines that begin with the word.
func waitSaid(t *testing.T, p *testproc.Proc, word string, lines int) {
	t.Helper()
	testproc.Poll(t, fmt.Sprintf("%d lines %q", lines, word), func() bool {
		if p.Gone() {
			t.Fatalf("the victim is gone\n%s\n%s", p.Output(), p.Errors())
		}
		return len(said(p.Output(), word)) >= lines
	})
}

// waitGuard waits until a guard has reported to the folder of journals, which is the last that it writes there.
func waitGuard(t *testing.T, dir string) {
	t.Helper()
	testproc.Poll(t, "a guard's report", func() bool {
		reports, err := durable.Reports(dir)
		return err == nil && len(reports) > 0
	})
}
