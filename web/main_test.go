package web_test

import (
	"os"
	"testing"

	"github.com/lastly-go/lastly/internal/testproc"
)

// TestMain turns the test binary into one of the victims, which serve_process_test.go defines.
func TestMain(m *testing.M) { os.Exit(testproc.Main(m)) }
