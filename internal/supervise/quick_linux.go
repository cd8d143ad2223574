package supervise

import (
	"runtime"
	"syscall"

	"github.com/lastly-go/lastly/internal/early"
)

// A quick is how a command is awaited at first: by its pidfd. Many end at once, and the waiter's thread takes longer to start than
// those take. The deaths of others are noticed when the waiter has begun.
type quick struct {
	pidfd int   // of the command; -1: there is none
	until int64 // when the waiter begins
	blind bool  // it can't
}

const quickTime = 50 // ms

func (q *quick) begin(command int) {
	q.pidfd, q.until = early.PidfdOpen(command), early.Now()+quickTime
}

// isQuick reports whether the command's pidfd is all that is waited for.
func (s *supervisor) isQuick() bool {
	return s.pidfd >= 0 && s.ended.next == nil && s.command != 0 && s.state == running && early.Now() < s.until
}

// events is the descriptor that tells of children.
func (s *supervisor) events() int {
	if s.isQuick() && s.reaping {
		return s.pidfd
	}
	return s.ended.pipe[0]
}

// await waits for the next child.
func (s *supervisor) await() {
	if s.isQuick() {
		return
	}
	if s.blind = s.ended.next == nil && !canStart(); s.blind {
		return
	}
	if s.pidfd >= 0 {
		_ = syscall.Close(s.pidfd)
		s.pidfd = -1
	}
	if s.ended.next == nil && runtime.GOMAXPROCS(0) < waiting {
		runtime.GOMAXPROCS(waiting)
	}
	s.ended.again()
}

// canStart reports whether the user may have one more process or thread: one thread too many would end this process. There is none when
// the command has come to a limit (ulimit -u, pids.max); then children are looked for now and then, until there is one.
func canStart() bool {
	_, err := syscall.ForkExec("/", nil, nil) // a folder can't be executed, but a child has tried
	return err != syscall.EAGAIN              //nolint:errorlint // of package syscall
}

// blindTime is between two looks when there is no waiter, in milliseconds.
const blindTime = 100

// waiting is how many threads the waiter and the main one need to be, so that none waits for the other's system call. One is enough
// before, and is what Environment asks for: a process with one starts faster.
const waiting = 2
