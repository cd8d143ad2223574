package lastly

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"reflect"
	"syscall"
)

// notify sends the signals that were not ignored when the program started to ch, and SIGPIPE.
func notify(ch chan os.Signal, wanted []os.Signal) {
	if wanted == nil {
		wanted = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}
	}
	var take []os.Signal
	for _, sig := range append(wanted[:len(wanted):len(wanted)], pipeSignals...) {
		if !signal.Ignored(sig) {
			take = append(take, sig)
		}
	}
	if len(take) > 0 { // none would mean all
		signal.Notify(ch, take...)
	}
}

// checkSignal refuses what can't be waited for.
func checkSignal(sig os.Signal) error {
	n, ok := sig.(syscall.Signal)
	switch {
	case sig == nil:
		return errors.New("the Program's Signals have a nil signal; leave it out")
	case !ok || n <= 0 || n > 64:
		return fmt.Errorf("the Program's Signals have the unknown signal %v (%T); use those of package syscall", sig, sig)
	}
	if why := cannotCatch(n); why != "" {
		return fmt.Errorf("the Program's Signals have signal %d (%v), which %s; leave it out", int(n), n, why)
	}
	return nil
}

// siteOfFunc is where a function was written.
func siteOfFunc(f any) uintptr { return reflect.ValueOf(f).Pointer() + 1 }
