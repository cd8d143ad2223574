package run

import (
	"strings"
	"testing"
)

// TestHelpNamesFlags: every flag is in the help.
func TestHelpNamesFlags(t *testing.T) {
	t.Parallel()
	for _, name := range Flags() {
		if !strings.Contains(Help, " "+name) {
			t.Errorf("the help does not name %s", name)
		}
	}
}
