// Command peers prints what Go's libraries for exit hooks do when an exit goes
// wrong, as a table in Markdown.
//
//	go run ./e2e/peers [-json] [-limit 5s]
//
// A row is a provocation, a column a library. Each cell is observed: the
// program runs itself again as a child that provokes one library once, and
// judges by what the child printed and how it ended. A child that does not end
// inside the limit is killed, and its cell says so. A dash stands for a
// library that does not have what the row asks for.
//
// Every library is used as its own documentation tells; the comment on its
// adapter, one file each, says how. The exit code is 1 when lastly's column
// has a blemish.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	if cell := os.Getenv(cellVariable); cell != "" {
		os.Exit(provoke(cell))
	}
	os.Exit(command(os.Args[1:], os.Stdout, os.Stderr))
}

func command(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("peers", flag.ContinueOnError)
	flags.SetOutput(stderr)
	asJSON := flags.Bool("json", false, "print JSON instead of Markdown")
	limit := flags.Duration("limit", 5*time.Second, "the time after which a child counts as hung")
	if err := flags.Parse(args); err != nil {
		return 2
	}

	// xlab/closer has taken the signals when it was imported; this program
	// wants them itself, so that an interrupt takes the children along.
	signal.Reset()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	start := time.Now()
	r, err := newRunner(*limit)
	if err != nil {
		fmt.Fprintln(stderr, "peers:", err)
		return 1
	}
	t, err := r.table(ctx, peers(), provocations())
	if err != nil {
		fmt.Fprintln(stderr, "peers:", err)
		return 1
	}
	print := t.markdown
	if *asJSON {
		print = t.json
	}
	if err := print(stdout); err != nil {
		fmt.Fprintln(stderr, "peers:", err)
		return 1
	}
	fmt.Fprintf(stderr, "peers: %d cells in %v\n", len(t.Columns)*len(t.Rows), time.Since(start).Round(time.Second))
	if blemishes := t.blemishes("lastly"); len(blemishes) > 0 {
		fmt.Fprintf(stderr, "peers: lastly has blemishes: %q\n", blemishes)
		return 1
	}
	return 0
}
