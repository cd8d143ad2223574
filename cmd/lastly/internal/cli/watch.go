package cli

import (
	"bytes"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func watchCommand(a *app) *cobra.Command {
	every := time.Second
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Show what is registered, and how that changes",
		Long: `On a terminal: what lastly list shows, redrawn every second; q or Ctrl-C ends it. Elsewhere: a line for each owner and record
that comes (+) and goes (-), until it is interrupted.

` + exitCodes,
		Example: `  lastly watch
  lastly watch --every 0.2 >log &`,
		Args: exactly("no words", 0),
		RunE: func(*cobra.Command, []string) error {
			if every < minWatch {
				return usagef("watch: --every %v is too often; the least is %v", every, minWatch)
			}
			if isTerminal(a.rawOut) {
				return a.watchScreen(every)
			}
			return a.watchLines(every)
		},
	}
	cmd.Flags().Var(span{&every}, "every", "how often to look")
	return cmd
}

const minWatch = 10 * time.Millisecond

// ends are the signals that end a watch. In the raw mode of a terminal Ctrl-C is a key.
func ends() (<-chan os.Signal, func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	return c, func() { signal.Stop(c) }
}

// What a terminal is told: another screen, without a cursor; and back.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l"
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	home        = "\x1b[H"
	clearLine   = "\x1b[K"
	clearBelow  = "\x1b[J"
)

// watchScreen redraws a terminal's other screen, and leaves the terminal as it was.
func (a *app) watchScreen(every time.Duration) error {
	signals, stop := ends()
	defer stop()
	keys := make(chan struct{})
	if in, ok := isFile(a.in); ok && isTerminal(a.in) {
		was, err := term.MakeRaw(int(in.Fd()))
		if err != nil {
			return fmt.Errorf("watch: %w; is the terminal gone?", err)
		}
		defer func() { _ = term.Restore(int(in.Fd()), was) }()
		go awaitKey(in, keys) // ends with the process, or with a key
	}
	_, _ = a.out.WriteString(enterScreen)
	defer func() {
		_, _ = a.out.WriteString(leaveScreen)
		_ = a.out.Flush()
	}()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := a.frame(); err != nil {
			return err
		}
		select {
		case <-signals:
			return nil
		case <-keys:
			return nil
		case <-tick.C:
		}
	}
}

// awaitKey waits for q, Q, Ctrl-C, Ctrl-D or the end of the input.
func awaitKey(in *os.File, pressed chan<- struct{}) {
	key := make([]byte, 1)
	for {
		n, err := in.Read(key)
		if err != nil || n == 0 || strings.ContainsRune("qQ\x03\x04", rune(key[0])) {
			close(pressed)
			return
		}
	}
}

// frame draws what fits.
func (a *app) frame() error {
	all, err := owners()
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	var text bytes.Buffer
	writeOwners(&text, all, a.digits(all), time.Now(), false)
	lines := strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
	wide, high := width(a.rawOut), height(a.rawOut)
	_, _ = fmt.Fprintf(a.out, "%s%s%s\r\n", home, fit(fmt.Sprintf("lastly watch: %s, %s   (q ends)", count(len(all), "owner", "owners"),
		time.Now().Format("15:04:05")), wide), clearLine)
	for i, line := range lines {
		if i == high-2 && i < len(lines)-1 {
			_, _ = fmt.Fprintf(a.out, "... and %d more lines%s", len(lines)-i, clearLine)
			break
		}
		_, _ = fmt.Fprintf(a.out, "%s%s", fit(line, wide), clearLine)
		if i < high-2 {
			_, _ = a.out.WriteString("\r\n")
		}
	}
	_, _ = a.out.WriteString(clearBelow)
	return a.out.Flush()
}

// watchLines writes what has changed.
func (a *app) watchLines(every time.Duration) error {
	signals, stop := ends()
	defer stop()
	tick := time.NewTicker(every)
	defer tick.Stop()
	seen := make(map[string]string)
	for !a.readerGone() {
		if err := a.changes(seen); err != nil {
			return err
		}
		select {
		case <-signals:
			return nil
		case <-tick.C:
		}
	}
	return nil
}

// changes writes a line for each owner and record that is new, has changed, or is gone, in an order that can be read.
func (a *app) changes(seen map[string]string) error {
	all, err := owners()
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	now := make(map[string]bool)
	tell := func(id, line string) {
		now[id] = true
		if seen[id] != line {
			seen[id] = line
			_, _ = fmt.Fprintf(a.out, "+ %s %s\n", id, line)
		}
	}
	for i := range all {
		o := &all[i]
		tell(o.ID, fmt.Sprintf("%s process %d %s", word(o.State), o.Pid, clean(o.Command)))
		for k := range o.Records {
			r := &o.Records[k]
			line := r.Kind + " " + clean(r.title())
			if r.DeadLetter {
				line += " dead letter"
			}
			tell(r.ID, line)
		}
	}
	for id, line := range seen {
		if !now[id] {
			delete(seen, id)
			_, _ = fmt.Fprintf(a.out, "- %s %s\n", id, line)
		}
	}
	return a.out.Flush()
}
