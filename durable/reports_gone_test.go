package durable_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lastly-go/lastly/durable"
)

// TestReportMakesNoFolder: who removed the folder of the journals, a test's temporary one say, does not find it again with
// the report of a guard that was still at work.
func TestReportMakesNoFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "journals")
	r := durable.Report{Began: time.Now(), Journals: []durable.JournalReport{{Path: filepath.Join(dir, "1-0.journal")}}}
	durable.WriteReport(dir, r)
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is there again: %v", err)
	}
	must(os.Mkdir(dir, 0o700))
	durable.WriteReport(dir, r)
	if reports, err := durable.Reports(dir); err != nil || len(reports) != 1 {
		t.Errorf("%d reports, %v; want 1", len(reports), err)
	}
}
