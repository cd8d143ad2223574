package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/lastly-go/lastly/e2e/internal/machine"
)

func main() {
	os.Exit(command(os.Args[1:], os.Stdout, os.Stderr))
}

// options are the flags.
type options struct {
	rounds int
	dir    string
	only   string
	strict bool
}

func command(args []string, stdout, stderr io.Writer) int {
	var o options
	flags := flag.NewFlagSet("durability", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&o.rounds, "rounds", 5, "how often everything is measured")
	flags.StringVar(&o.dir, "dir", "", "the folder to work in; that for temporary files if empty")
	flags.StringVar(&o.only, "only", "", "only what has this text in its line")
	flags.BoolVar(&o.strict, "strict", false, "exit with 1 if a goal is missed")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if o.rounds < 1 || flags.NArg() > 0 {
		fmt.Fprintln(stderr, "durability: -rounds must be at least 1, and there are no arguments")
		return 2
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	begin := time.Now()
	missed, err := report(ctx, stdout, stderr, o, whole)
	if err != nil {
		fmt.Fprintln(stderr, "durability:", err)
		return 1
	}
	fmt.Fprintf(stderr, "durability: %d rounds in %v\n", o.rounds, time.Since(begin).Round(time.Second))
	if missed > 0 && o.strict {
		return 1
	}
	return 0
}

// report measures everything and prints it. It returns how many goals were missed.
func report(ctx context.Context, stdout, stderr io.Writer, o options, s sizes) (missed int, err error) {
	lines, files, err := measured(ctx, stderr, o, s)
	if err != nil {
		return 0, err
	}
	missed = print(stdout, lines)
	_, err = fmt.Fprintf(stdout, "\nMedians of %d rounds, %s on %s/%s, %d CPUs, files on %s.\n",
		o.rounds, runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), files)
	return missed, err
}

// measured measures everything. Its folder is gone when it returns: to print may end the process, when nobody reads it.
func measured(ctx context.Context, stderr io.Writer, o options, s sizes) (lines []*line, files string, err error) {
	l, err := newLab(ctx, o.dir, s)
	if err != nil {
		return nil, "", err
	}
	defer l.close()
	lines, done, err := l.lines()
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, done()) }()
	if lines = matching(lines, o.only); len(lines) == 0 {
		return nil, "", fmt.Errorf("no line has the text %q", o.only)
	}
	return lines, machine.Filesystem(l.dir), measure(ctx, stderr, lines, o.rounds)
}
