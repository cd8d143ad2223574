package engine

import (
	"strings"
	"testing"
)

// TestParseConfig: one file; a lock may be in it; and a run with one is not plain.
func TestParseConfig(t *testing.T) {
	t.Parallel()
	if o, err := Parse([]string{"--config", "f", "--no-wait", "--", "x"}); err != nil || o.Config != "f" || o.Plain() {
		t.Errorf("%+v, %v", o, err)
	}
	for args, says := range map[string]string{
		"--config= x":                 "it is empty",
		"--config - x":                "stdin is the command's",
		"--config a --config b -- x":  "there is one already, a",
		"--remove= x":                 "--remove : it is empty; was a variable not set?",
		"--on-exit= x":                "it is empty",
		"--no-wait --remove a true":   "without --lock",
		"--config a --grace nothing ": "no duration",
	} {
		if _, err := Parse(strings.Fields(args)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", args, err, says)
		}
	}
}

// TestFlag: what a file says of one flag.
func TestFlag(t *testing.T) {
	t.Parallel()
	if o, err := Flag("--timeout=1m"); err != nil || o.Timeout != 60_000 {
		t.Errorf("%+v, %v", o, err)
	}
	if _, err := Flag("--grace=soon"); err == nil || !strings.HasPrefix(err.Error(), "grace soon: ") {
		t.Error(err)
	}
}
