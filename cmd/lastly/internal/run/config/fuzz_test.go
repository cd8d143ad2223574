package config_test

import (
	"strings"
	"testing"

	"github.com/lastly-go/lastly/cmd/lastly/internal/run/config"
)

// FuzzParse: whatever is in the file, it is read or refused, with a line. What was read is in bounds.
func FuzzParse(f *testing.F) {
	for _, text := range good {
		f.Add(text)
	}
	for _, fault := range faults {
		f.Add(fault.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, err := config.Parse("f", []byte(text))
		if err != nil {
			if rest, ok := strings.CutPrefix(err.Error(), "f:"); !ok || rest[0] < '1' || rest[0] > '9' {
				t.Errorf("%q: %v has no line", text, err)
			}
			return
		}
		if file.Time() < 0 || len(file.Hooks) > 1000 {
			t.Errorf("%q: %v, %d hooks", text, file.Time(), len(file.Hooks))
		}
		names := make(map[string]bool)
		for _, h := range file.Hooks {
			if h.Name == "" || names[h.Name] || len(h.Command.Args) == 0 || h.Command.Args[0] == "" {
				t.Errorf("%q: %+v", text, h)
			}
			names[h.Name] = true
		}
	})
}
