package bare

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestFileKeepsItsSize(t *testing.T) {
	for _, written := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "bare")
		const slots = 5
		f, err := New(path, slots*SlotSize, written)
		if err != nil {
			t.Fatal(err)
		}
		for _, side := range []func() (float64, error){f.Writing(1, 7), f.Writing(2, 7), f.Syncing(2)} {
			if took, err := side(); err != nil || took <= 0 {
				t.Errorf("took %v, %v", took, err)
			}
		}
		text, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(text, make([]byte, slots*SlotSize)) {
			t.Errorf("the file has %d bytes, want %d: %v", len(text), slots*SlotSize, err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Errorf("the file is left: %v", err)
		}
	}
}
