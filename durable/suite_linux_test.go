package durable_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lastly-go/lastly/durable"
)

// TestSuiteIsNotRunAgain: a guard of a test binary never runs its tests, whatever they call. So Go kinds can be registered
// only where TestMain calls Init, and built-in ones anywhere.
func TestSuiteIsNotRunAgain(t *testing.T) {
	t.Parallel()
	s := newState(t)
	path, binary := s.file("path"), filepath.Join(t.TempDir(), "suite.test")
	build := exec.Command("go", "test", "-c", "-o", binary, "./testdata/suite")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("no test binary can be built here: %v\n%s", err, out)
	}
	cmd := exec.Command(binary)
	cmd.Env = append(os.Environ(), append(s.env, "SUITE_LOG="+s.log)...)
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("it ended with %v\n%s", err, out)
	}
	s.waitEmpty()
	s.checkNoGuards()
	log := readLines(s.log)
	if exists(path) || len(log) != 3 || log[0] != "ran" {
		t.Errorf("the path is still there: %v; the log has %q", exists(path), log)
	}
	for _, refused := range log[1:] {
		if !strings.Contains(refused, durable.ErrNotReady.Error()+" in TestMain") {
			t.Errorf("Register in a test says %q", refused)
		}
	}
}
