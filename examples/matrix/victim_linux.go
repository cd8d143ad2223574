package matrix

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
)

// What a victim says on stdout.
const saysReady = "ready"

// asleep is the one way to die that needs a program without Main.
const asleep = "all-asleep"

// victim takes hold of everything, says so, and dies as it is told.
func (p part) victim() {
	if p.Way == asleep {
		durable.Init()
		fail(p.hold())
		told(os.Stdin)
		select {}
	}
	lastly.Main(func(ctx context.Context) error {
		if err := p.hold(); err != nil {
			return err
		}
		ordered := make(chan struct{})
		go func() { // ends with its line, or with whoever would have written it
			if !told(os.Stdin) {
				lastly.Exit(5)
			}
			close(ordered)
		}()
		select {
		case <-ctx.Done():
			return nil
		case <-ordered:
			return p.die(ctx)
		}
	})
}

// hold takes hold of the resources. They are registered on the process scope, so that the last one is released first.
func (p part) hold() error {
	for _, r := range resources() {
		if !selected(p.Resources, r.name) {
			continue
		}
		if err := r.hold(p); err != nil {
			return fmt.Errorf("hold %s: %w", r.name, err)
		}
	}
	_, err := fmt.Println(saysReady)
	return err
}

// told waits for a line, and returns false if there is nobody to write one any more.
func told(f *os.File) bool {
	_, err := bufio.NewReader(f).ReadString('\n')
	return err == nil
}

// next is the program's next start: Main settles what earlier ones left, and run goes on until that is done. What has just
// failed is due a second later, so this may take a while.
func (p part) next() {
	lastly.Program{Logger: logger()}.Main(func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, nextLimit)
		defer cancel()
		return poll(ctx, func() bool { return len(p.journals()) == 0 })
	})
}

// sweep is another start, of a program that would not settle by itself.
func (p part) sweep() {
	durable.Init()
	r, err := durable.Sweep(context.Background(), durable.Options{Limit: nextLimit})
	fmt.Fprintln(os.Stderr, r)
	fail(err)
}

// journals are the files in the state folder that are there for an owner.
func (p part) journals() []string {
	paths, _ := filepath.Glob(p.path(stateFolder, "*.*")) // no pattern of ours is malformed
	return paths
}

// A seat is the payload of the program's own kind.
type seat struct {
	Dir  string
	Text string
}

// seatText has what JSON has to escape.
const seatText = "row \"12\" <seat> \\ 7 ü\n"

// seats is a kind of this program: what settles it writes a line, and perhaps never comes back.
var seats = durable.Define("matrix-seat", func(ctx context.Context, s seat) error {
	if s.Text != seatText {
		return errors.New("the payload is not what was registered")
	}
	p := part{Dir: s.Dir}
	if err := appendLine(p.path(seatFile), fmt.Sprint(os.Getpid())); err != nil {
		return err
	}
	if os.Rename(p.path(holdName), p.path(takenName)) != nil {
		return nil
	}
	select { // to be killed here
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(lifetime):
		return errors.New("nobody came")
	}
})

func appendLine(path, line string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line + "\n")
	return errors.Join(err, f.Close())
}
