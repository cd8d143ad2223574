package action

import (
	"testing"
	"time"

	"github.com/lastly-go/lastly/internal/testproc"
)

// TestHandlersAreNotAsked: what a process starts when it is asked to end may be its way to do so. It is found while others
// are still looked for, which takes a while.
func TestHandlersAreNotAsked(t *testing.T) {
	t.Parallel()
	const tree = `
		i=0; while [ $i -lt 100 ]; do sleep 1000 >/dev/null 2>&1 & i=$((i+1)); done
		exec sh -c 'trap "sh -c \"sleep 0.2; echo handled\"; exit" TERM; echo hangs; while :; do sleep 0.01; done'`
	mark := NewMark()
	p := start(t, testproc.Spec{Victim: "shell", Args: []string{tree}, Env: WithMark(nil, mark)})
	if err := capture(t, Kill{Mark: mark, Grace: time.Minute}).Do(t.Context()); err != nil {
		t.Error(err)
	}
	p.Wait().CheckLines(t, "handled")
	if left := marked(t, mark); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
