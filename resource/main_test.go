package resource_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/testproc"
)

// TestMain makes the test binary one of its victims, and the guard of one: a guard gets no further than Init.
func TestMain(m *testing.M) {
	durable.Init()
	os.Exit(inOwnFolder(func() int { return testproc.Main(m, victims...) }))
}

// inOwnFolder keeps the journals of the tests, and of their victims, out of the real folder.
func inOwnFolder(run func() int) int {
	if _, set := os.LookupEnv("LASTLY_DIR"); set { // a victim's
		return run()
	}
	dir, err := os.MkdirTemp("", "lastly-resource-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	defer os.RemoveAll(dir)
	_ = os.Setenv("LASTLY_DIR", dir)
	return run()
}

var victims []testproc.Victims

// addVictims is called by `var _ =`, in the file of the tests that need them.
func addVictims(v testproc.Victims) bool {
	victims = append(victims, v)
	return true
}
