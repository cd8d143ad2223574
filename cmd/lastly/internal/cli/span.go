package cli

import (
	"errors"
	"time"

	"github.com/lastly-go/lastly/cmd/lastly/internal/run/engine"
)

// A span is a time on the command line, read as `lastly run` reads its own: 90s, 1m30s, 2d, or a number of seconds.
type span struct{ *time.Duration }

func (s span) Set(text string) error {
	ms, bad := engine.ParseMillis(text)
	if bad != "" {
		return errors.New(bad)
	}
	*s.Duration = time.Duration(ms) * time.Millisecond
	return nil
}

// String is the default in a help; that of 0 is in the flag's own words.
func (s span) String() string {
	if s.Duration == nil || *s.Duration == 0 {
		return ""
	}
	return s.Duration.String()
}

// Type is the value's name in a help.
func (span) Type() string { return "TIME" }
