package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progress shows on w how far the demo is: on a terminal by a line that changes, elsewhere by one line a death.
type progress struct {
	w     io.Writer
	live  bool // w is a terminal that can rewrite a line
	color bool
	total int
	done  int
	title string
}

const (
	refresh   = 100 * time.Millisecond
	clearLine = "\r\x1b[K"
	green     = "\x1b[32m"
	red       = "\x1b[31m"
	plain     = "\x1b[0m"
)

func newProgress(f *os.File, total int) *progress {
	info, err := f.Stat()
	live := err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
	return &progress{w: f, live: live, color: live && os.Getenv("NO_COLOR") == "", total: total}
}

// begin says what is done next.
func (p *progress) begin(title string) {
	p.title = title
	if p.live {
		fmt.Fprintf(p.w, "%s%s starting", clearLine, p.head(p.done+1))
	}
}

// watch shows the counts of now as they change, until stop is called.
func (p *progress) watch(now func() tally) (stop func()) {
	if !p.live {
		return func() {}
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(refresh)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
				t := now()
				fmt.Fprintf(p.w, "%s%s %d requests, %d in flight, %d lost", clearLine, p.head(p.done+1), t.accepted, t.inFlight, t.lost)
			}
		}
	}()
	return func() {
		close(quit)
		<-done
	}
}

// end says how what was begun came out.
func (p *progress) end(clean bool) {
	p.done++
	if p.live {
		fmt.Fprint(p.w, clearLine)
	}
	verdict, color := "clean", green
	if !clean {
		verdict, color = "not clean", red
	}
	if p.color {
		verdict = color + verdict + plain
	}
	fmt.Fprintf(p.w, "%s %s\n", p.head(p.done), verdict)
}

// head is short enough for the whole line to fit into 80 columns: a longer one could not be rewritten.
func (p *progress) head(n int) string { return fmt.Sprintf("[%2d/%d] %-34s", n, p.total, p.title) }
