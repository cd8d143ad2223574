// Package ownjournal keeps the journals of tests out of the user's folder.
package ownjournal

import (
	"fmt"
	"os"
	"testing"

	"github.com/lastly-go/lastly/durable"
)

// Main runs the tests of m and returns the code to exit with.
func Main(m *testing.M) (code int) {
	durable.Init()
	dir, err := os.MkdirTemp("", "lastly-service-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	defer os.RemoveAll(dir)
	if err := os.Setenv("LASTLY_DIR", dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	return m.Run()
}
