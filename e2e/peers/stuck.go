package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// stuck is the provocation with signals: one begins the shutdown, and another
// one comes when a hook does not return.
type stuck struct {
	began chan struct{} // closed by the hook
}

func (s *stuck) arrange(lib library) error {
	if _, ok := lib.(signalled); !ok {
		return errAbsent
	}
	lib.register("stuck", saying("stuck", func(context.Context) error {
		close(s.began)
		select {}
	}))
	return nil
}

func (s *stuck) act(lib library) error {
	go s.signals() // ends with the process
	return lib.(signalled).serve()
}

// signals sends them to its own process.
func (s *stuck) signals() {
	// The first one may come before the library listens, and must neither kill
	// nor be lost: it is caught here as well, and sent again.
	guard := make(chan os.Signal, 1)
	signal.Notify(guard, syscall.SIGTERM)
	for began := false; !began; {
		raise(syscall.SIGTERM)
		select {
		case <-s.began:
			began = true
		case <-time.After(time.Second):
		}
	}
	signal.Stop(guard)
	// Not at once: a key press may reach a process twice, and a library may
	// know that.
	<-time.After(patience)
	say("again", "-")
	raise(syscall.SIGTERM)
}

func raise(sig os.Signal) {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Signal(sig)
	}
	if err != nil {
		say("unsent", "-")
	}
}
