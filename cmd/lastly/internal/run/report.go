package run

import (
	"encoding/json"
	"fmt"
	"os"
)

// report writes what was undone, and how, as JSON: for `lastly report`.
func (r *runner) report() error {
	path := r.options.Report
	if path == "" {
		return nil
	}
	text, err := json.MarshalIndent(r.scope.Report(), "", "  ")
	if err == nil {
		err = os.WriteFile(path, append(text, '\n'), 0o666)
	}
	if err != nil {
		return fmt.Errorf("--report %s: %w; give a path that can be written", path, err)
	}
	return nil
}
