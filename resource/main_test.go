package resource_test

import (
	"os"
	"testing"

	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/testproc"
)

// TestMain makes the test binary one of its victims, and the guard of one: a guard gets no further than Init.
func TestMain(m *testing.M) {
	durable.Init()
	os.Exit(testproc.OwnFolder(func() int { return testproc.Main(m, victims...) }))
}

var victims []testproc.Victims

// addVictims is called by `var _ =`, in the file of the tests that need them.
func addVictims(v testproc.Victims) bool {
	victims = append(victims, v)
	return true
}
