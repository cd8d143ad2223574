package cli

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/journal"
)

// A progress bar on stderr for a long sweep. It counts the records that are left, which nobody but the settler knows
// otherwise.
type progress struct {
	all  sync.WaitGroup
	quit chan struct{}
}

const (
	progressAfter = 500 * time.Millisecond
	progressEvery = 200 * time.Millisecond
)

// startProgress draws nothing unless stderr is a terminal and there is much to do.
func (a *app) startProgress() *progress {
	p := &progress{quit: make(chan struct{})}
	if isTerminal(a.err) {
		p.all.Go(func() { a.progress(p.quit) }) // ends with stop
	}
	return p
}

func (p *progress) stop() {
	close(p.quit)
	p.all.Wait()
}

func (a *app) progress(quit <-chan struct{}) {
	all, err := owners()
	if err != nil {
		return
	}
	total, paths := 0, []string(nil)
	for i := range all {
		if all[i].State == durable.Orphan || all[i].State == durable.Settling {
			total += len(all[i].Records)
			paths = append(paths, all[i].Journal)
		}
	}
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for began, drawn := time.Now(), false; ; {
		select {
		case <-quit:
			if drawn {
				_, _ = fmt.Fprint(a.err, "\r\x1b[K")
			}
			return
		case <-tick.C:
		}
		if time.Since(began) >= progressAfter && total > 0 {
			a.draw(total, left(paths))
			drawn = true
		}
	}
}

// left counts the records in journals.
func left(paths []string) (n int) {
	for _, path := range paths {
		if _, content, err := journal.Read(path); err == nil {
			n += len(content.Entries)
		}
	}
	return n
}

func (a *app) draw(total, left int) {
	const cells = 30
	done := max(total-left, 0)
	full := done * cells / total
	_, _ = fmt.Fprintf(a.err, "\r\x1b[K[%s%s] %d of %d", strings.Repeat("#", full), strings.Repeat(".", cells-full), done, total)
}
