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
	"strings"
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

func newFlags(stderr io.Writer) (*flag.FlagSet, *options) {
	var o options
	flags := flag.NewFlagSet("ratios", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&o.rounds, "rounds", 5, "how often everything is measured")
	flags.StringVar(&o.dir, "dir", "", "the folder to work in; that for temporary files if empty")
	flags.StringVar(&o.only, "only", "", "only the parts that have this text in their name: run, add, list, memory, size")
	flags.BoolVar(&o.strict, "strict", false, "exit with 1 if a goal is missed")
	return flags, &o
}

func command(args []string, stdout, stderr io.Writer) int {
	flags, o := newFlags(stderr)
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	if o.rounds < 1 || flags.NArg() > 0 || len(partsNamed(o.only)) == 0 {
		fmt.Fprintln(stderr, "ratios: -rounds must be at least 1, -only must match a part (see -help), and there are no arguments")
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	begin := time.Now()
	missed, err := report(ctx, stdout, stderr, *o, whole)
	if err != nil {
		fmt.Fprintln(stderr, "ratios:", err)
		return 1
	}
	fmt.Fprintf(stderr, "ratios: %d rounds in %v\n", o.rounds, time.Since(begin).Round(time.Second))
	if missed > 0 && o.strict {
		return 1
	}
	return 0
}

// report measures everything and prints it. It returns how many goals were missed.
func report(ctx context.Context, stdout, stderr io.Writer, o options, s sizes) (missed int, err error) {
	before := machine.Load()
	t, err := measured(ctx, stderr, o, s)
	if err != nil {
		return 0, err
	}
	missed = t.print(stdout)
	_, err = fmt.Fprintf(stdout, "\nMedians of %d rounds, %s on %s/%s, %d CPUs, files on %s, load %s at the beginning and %s at the end.\n",
		o.rounds, runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), t.files, before, machine.Load())
	return missed, err
}

// measured measures everything. Its folder is gone when it returns.
func measured(ctx context.Context, stderr io.Writer, o options, s sizes) (t *results, err error) {
	l, err := newLab(ctx, o.dir, s)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	t = &results{files: machine.Filesystem(l.dir)}
	for _, p := range partsNamed(o.only) {
		if err := p.measure(l, ctx, t, o.rounds, stderr); err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return t, nil
}

// A part is what is measured together.
type part struct {
	name    string
	measure func(l *lab, ctx context.Context, t *results, rounds int, progress io.Writer) error
}

// partsNamed are in the order in which they don't disturb each other: what makes files by the hundred thousand is the last.
func partsNamed(text string) (some []part) {
	for _, p := range []part{{"size", (*lab).size}, {"memory", (*lab).memory}, {"run", (*lab).runs}, {"add", (*lab).adds}, {"list", (*lab).lists}} {
		if strings.Contains(p.name, text) {
			some = append(some, p)
		}
	}
	return some
}
