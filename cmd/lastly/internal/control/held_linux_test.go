package control

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/lastly-go/lastly/internal/testproc"
)

// TestKilled looks before it is killed, after, and when it has died of it.
func TestKilled(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() })
	if killed(cmd.Process.Pid) {
		t.Error("a process that lives was killed, it is said")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if !killed(cmd.Process.Pid) {
		t.Error("a process that was killed was not, it is said")
	}
	testproc.Poll(t, "it to be a zombie", func() bool {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/stat")
		return err == nil && strings.Contains(string(stat), ") Z ")
	})
	if !killed(cmd.Process.Pid) {
		t.Error("a zombie that was killed was not, it is said")
	}
}
