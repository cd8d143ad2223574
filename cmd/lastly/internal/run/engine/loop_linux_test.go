//go:build amd64 || arm64

package engine

import (
	"os/exec"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/lastly-go/lastly/internal/supervise"
)

// TestManyDeaths: what ends in great numbers, as a tree does, is looked for once. With a look for each death, and a thousand
// children in each, SIGKILL came seconds after the grace.
func TestManyDeaths(t *testing.T) {
	const children, deaths = 100, 400
	for range children {
		cmd := exec.Command("true")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Wait() })
	}
	one, all := timeDeaths(t, 1), timeDeaths(t, deaths)
	if all > 20*one+100*time.Millisecond {
		t.Errorf("%d deaths took %v, one %v", deaths, all, one)
	}
	if n := len(supervise.Children()); n < children {
		t.Errorf("%d children are left, want %d: they are this test's own", n, children)
	}
}

// timeDeaths is how long taking so many SIGCHLD takes, the least of a few tries.
func timeDeaths(t *testing.T, n int) (least time.Duration) {
	t.Helper()
	for try := range 3 {
		var ends [2]int
		if err := syscall.Pipe2(ends[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
			t.Fatal(err)
		}
		s := &Session{Options: &Options{}, signals: ends[0], served: true}
		info := [infoSize / 4]int32{int32(syscall.SIGCHLD)}
		for range n {
			if _, err := syscall.Write(ends[1], (*[infoSize]byte)(unsafe.Pointer(&info))[:]); err != nil {
				t.Fatal(err)
			}
		}
		begin := time.Now()
		s.takeSignals()
		if took := time.Since(begin); try == 0 || took < least {
			least = took
		}
		_, _ = syscall.Close(ends[0]), syscall.Close(ends[1])
	}
	return least
}
