package action

import (
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly/internal/testproc"
)

// TestAwait: while the target has its time, nobody is signalled; then what bears the mark is ended.
func TestAwait(t *testing.T) {
	t.Parallel()
	for _, ends := range []bool{true, false} {
		mark := NewMark()
		target := start(t, testproc.Spec{Victim: "polite"})
		marked := start(t, testproc.Spec{Victim: "hang", Env: WithMark(nil, mark)})
		k := Kill{Pid: target.Pid(), Mark: mark, Await: time.Minute}
		if !ends {
			k.Await = 50 * time.Millisecond
		}
		k = capture(t, k)
		done := make(chan error, 1)
		go func() { done <- k.Do(t.Context()) }()
		if ends {
			testproc.Linger(50 * time.Millisecond)
			if target.Gone() || marked.Gone() {
				t.Error("somebody was signalled while the target had time")
			}
			target.Signal(syscall.SIGTERM)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		target.Wait().Check(t, map[bool]string{true: "exit 0", false: "signal killed"}[ends])
		marked.Wait().Check(t, "signal killed")
	}
	if err := (Kill{Mark: NewMark(), Await: -1}).Check(); err == nil {
		t.Error("a negative time is accepted")
	}
}
