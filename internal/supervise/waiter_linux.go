package supervise

import "syscall"

// A waiter waits for children in a thread of its own. SIGCHLD would not do: the Go runtime has it unblocked in all threads, any
// of which may take it. It only looks, so that nobody's number is free before this process's main thread has reaped it.
type waiter struct {
	pipe [2]int
	next chan struct{} // nil: it was not started
	more int           // besides deaths: what wait4(2) calls it
}

// again lets it wait for the next child, when all that have ended are reaped.
func (w *waiter) again() {
	var text [8]byte
	if w.next == nil {
		if syscall.Pipe2(w.pipe[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK) != nil {
			syscall.Exit(3) // the owner notices
		}
		w.next = make(chan struct{}, 1)
		go w.wait() // ends with this process
		return
	}
	if n, err := syscall.Read(w.pipe[0], text[:]); err == nil && n > 0 {
		w.next <- struct{}{}
	}
}

func (w *waiter) wait() {
	for {
		awaitChild(w.more)
		_, _ = syscall.Write(w.pipe[1], []byte{1})
		<-w.next
	}
}
