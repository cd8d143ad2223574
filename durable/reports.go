package durable

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/lastly-go/lastly/internal/journal"
)

// Reports of guards: nobody is there to hear them when they are made, so they are kept.
const (
	reportFolder = "reports"
	maxReports   = 100
)

// writeReport keeps a guard's report in the folder. There is nobody to tell that it could not.
func writeReport(dir string, r Report) {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return
	}
	dir = filepath.Join(dir, reportFolder)
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return // somebody removed the folder of the journals, which is not made anew for this
	}
	name := r.Began.UTC().Format("20060102T150405.000000000") + "-" + strings.TrimSuffix(filepath.Base(r.Journals[0].Path), journal.Suffix) + ".json"
	temp := filepath.Join(dir, journal.TempPrefix+name)
	if os.WriteFile(temp, append(text, '\n'), 0o600) != nil || os.Rename(temp, filepath.Join(dir, name)) != nil {
		_ = os.Remove(temp)
		return
	}
	prune(dir)
}

// prune keeps the newest reports: their names begin with the time.
func prune(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for i, e := range entries {
		if i < len(entries)-maxReports {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// Reports returns what guards have reported, the oldest first: how owners died, what the Go runtime wrote when they
// crashed, and what was settled. The last 100 are kept, in the folder reports beside the journals, one file of JSON each.
// dir is the folder of journals; "" is this process's.
func Reports(dir string) ([]string, error) {
	s := currentSettings()
	if dir != "" {
		s.Dir = dir
	}
	dir, err := s.folder(false)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(filepath.Join(dir, reportFolder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var paths []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".json") && !strings.HasPrefix(e.Name(), journal.TempPrefix) {
			paths = append(paths, filepath.Join(dir, reportFolder, e.Name()))
		}
	}
	return paths, err
}

func folderOf(path string) string { return filepath.Dir(path) }
