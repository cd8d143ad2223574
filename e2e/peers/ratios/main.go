// Command ratios measures what lastly costs, as ratios to what other libraries
// cost for the same work, and prints them beside their goals, in Markdown.
//
//	go run ./e2e/peers/ratios [-rounds 5] [-costs]
//
// The two sides of a ratio are measured in turn, a few times each, and the
// figure is the median over all rounds: on a shared machine, nanoseconds come
// and go, and ratios stay. With -costs it also prints the nanoseconds of every
// library, again as medians.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/lastly-go/lastly/e2e/peers/internal/cost"
)

func main() {
	os.Exit(command(os.Args[1:], os.Stdout, os.Stderr))
}

func command(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("ratios", flag.ContinueOnError)
	flags.SetOutput(stderr)
	rounds := flags.Int("rounds", 5, "how often everything is measured")
	costs := flags.Bool("costs", false, "print the cost of every library, too")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if *rounds < 1 {
		fmt.Fprintln(stderr, "ratios: -rounds must be at least 1")
		return 2
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	begin := time.Now()
	if err := report(ctx, stdout, stderr, *rounds, *costs); err != nil {
		fmt.Fprintln(stderr, "ratios:", err)
		return 1
	}
	fmt.Fprintf(stderr, "ratios: %d rounds in %v\n", *rounds, time.Since(begin).Round(time.Second))
	return 0
}

// report prints the goals, and the costs if wanted.
func report(ctx context.Context, stdout, stderr io.Writer, rounds int, costs bool) error {
	dir, err := os.MkdirTemp("", "lastly-ratios-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	programs, err := cost.BuildPrograms(ctx, dir)
	if err != nil {
		return err
	}

	list := goals(ctx, programs)
	if err := measure(ctx, stderr, list, rounds); err != nil {
		return err
	}
	printGoals(stdout, list)
	if costs {
		lines, err := measureCosts(ctx, stderr, rounds)
		if err != nil {
			return err
		}
		printCosts(stdout, lines)
	}
	_, err = fmt.Fprintf(stdout, "\nMedians of %d rounds, %s on %s/%s, %d CPUs.\n",
		rounds, runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	return err
}
