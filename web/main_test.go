package web_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/testproc"
)

// TestMain turns the test binary into one of the victims, which rollout_test.go defines. A guard, of what resource might make
// durable, gets no further than Init.
func TestMain(m *testing.M) {
	durable.Init()
	os.Exit(testproc.OwnFolder(func() int { return testproc.Main(leakChecked{m}, victims...) }))
}

var victims []testproc.Victims

// addVictims is called by `var _ =`, so that a file of one system needs no counterpart on the others.
func addVictims(v testproc.Victims) bool {
	victims = append(victims, v)
	return true
}

// leakChecked fails the run when goroutines of this package are left after the tests.
type leakChecked struct{ m *testing.M }

func (l leakChecked) Run() int {
	code := l.m.Run()
	var left string
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); testproc.Linger(10 * time.Millisecond) {
		if left = leaked(); left == "" {
			return code
		}
	}
	fmt.Fprintf(os.Stderr, "goroutines are left:\n%s\n", left)
	return 1
}

// leaked are the stacks of other goroutines than this one that are in this package, or that serve a connection.
func leaked() string {
	buf := make([]byte, 1<<20)
	stacks := strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
	var left []string
	for _, stack := range stacks[1:] {
		if strings.Contains(stack, "lastly/web") || strings.Contains(stack, "net/http.(*conn).serve") {
			left = append(left, stack)
		}
	}
	return strings.Join(left, "\n\n")
}
