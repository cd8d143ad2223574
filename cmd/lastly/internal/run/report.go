package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/lastly-go/lastly"
)

// report writes what was undone, and how, as JSON: for `lastly report`.
func (r *runner) report() error {
	path := r.options.Report
	if path == "" {
		return nil
	}
	text, err := json.MarshalIndent(r.scope.Report(), "", "  ")
	if err == nil {
		err = write(path, append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("--report %s: %w; give a path that can be written", path, err)
	}
	return nil
}

// write does not wait for somebody to open the other end of a named pipe.
func write(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|syscall.O_NONBLOCK, 0o666)
	if err != nil {
		return err
	}
	_ = f.SetWriteDeadline(time.Now().Add(reportLimit)) // of a file it fails, and needs none
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

// reportLimit is how long whoever reads may take.
const reportLimit = 5 * time.Second

// told are the lines about an error: the hooks that failed, by their names. Where in lastly they were registered means nothing to
// whoever runs a command.
func told(err error) (lines []string) {
	if many, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // the very value
		for _, one := range many.Unwrap() {
			lines = append(lines, told(one)...)
		}
		return lines
	}
	if hook, ok := err.(*lastly.HookError); ok { //nolint:errorlint // the very value
		return []string{hook.Name + ": " + trimmed(hook.Err).Error()}
	}
	return []string{trimmed(err).Error()}
}
