package control

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/seam"
)

// Sweep removes what runs left in the folder of journals that were killed, and ends the processes of those that had registered
// nothing, of which the socket's name alone tells. A run of which but one process was killed ends its processes itself.
func Sweep() (err error) {
	dir, missing := seam.OfDurable.Folder(false)
	if missing != nil {
		return nil //nolint:nilerr // then nothing is left; that it can't be used, others say
	}
	for _, path := range Sockets(dir, 0) {
		if !Dead(path) {
			continue
		}
		if mark := MarkOf(path); mark != "" {
			borne, held := look(mark)
			if held {
				continue
			}
			if borne {
				if failed := endTree(mark); failed != nil {
					err = errors.Join(err, fmt.Errorf("the processes of %s: %w", filepath.Base(path), failed))
					continue
				}
			}
		}
		_ = os.Remove(path)
	}
	return err
}

// treeGrace is what `lastly run` gives by default.
const treeGrace = 5 * time.Second

// endTree ends what bears a mark, and survives this process's own death as any record does.
func endTree(mark string) error {
	var s lastly.Scope
	_, err := durable.Kill.Register(&s, durable.Process{Mark: mark, Grace: treeGrace}, lastly.Hook{Name: "processes of a run", Timeout: 2 * treeGrace})
	return errors.Join(err, s.Close())
}
