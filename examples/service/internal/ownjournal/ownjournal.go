// Package ownjournal keeps the journals of tests out of the user's folder.
package ownjournal

import (
	"testing"

	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/testproc"
)

// Main runs the tests of m and returns the code to exit with. A guard of one gets no further.
func Main(m *testing.M) int {
	durable.Init()
	return testproc.OwnFolder(m.Run)
}
