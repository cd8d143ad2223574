package matrix

import (
	"os/signal"
	"syscall"
	"testing"
)

func TestUnignore(t *testing.T) {
	signal.Ignore(syscall.SIGHUP)
	defer signal.Reset(syscall.SIGHUP)
	stop := Unignore()
	defer stop()
	if signal.Ignored(syscall.SIGHUP) {
		t.Error("SIGHUP would still be ignored by what is started now")
	}
}
