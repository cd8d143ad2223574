package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	if text := os.Getenv(roleVariable); text != "" {
		os.Exit(serve(text))
	}
	os.Exit(command(os.Args[1:], os.Stdout, os.Stderr))
}

// whole are the settings of the command, beside its flags.
func whole() settings {
	return settings{
		rate:    3000,
		clients: 120,
		poll:    20 * time.Millisecond,
		delay:   100 * time.Millisecond,
		drain:   3 * time.Second,
	}
}

// options are the flags.
type options struct {
	requests, restarts int
	only               string
	json               bool
}

func newFlags(stderr io.Writer) (*flag.FlagSet, *options) {
	var o options
	flags := flag.NewFlagSet("rollout", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&o.requests, "requests", 20_000, "how many requests each wiring gets, at least")
	flags.IntVar(&o.restarts, "restarts", 20, "how many instances are restarted")
	flags.StringVar(&o.only, "only", "", "only the wirings that have this text in their name")
	flags.BoolVar(&o.json, "json", false, "print JSON instead of Markdown")
	return flags, &o
}

func command(args []string, stdout, stderr io.Writer) int {
	flags, o := newFlags(stderr)
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	list := wiringsNamed(func(name string) bool { return strings.Contains(name, o.only) })
	if o.requests < 1 || o.restarts < 1 || flags.NArg() > 0 || len(list) == 0 {
		fmt.Fprintln(stderr, "rollout: -requests and -restarts must be at least 1, -only must match a wiring, and there are no arguments")
		return 2
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	begin := time.Now()
	s := whole()
	s.requests, s.restarts = o.requests, o.restarts
	t, err := s.table(ctx, stderr, list)
	if err != nil {
		fmt.Fprintln(stderr, "rollout:", err)
		return 1
	}
	print := t.markdown
	if o.json {
		print = t.json
	}
	if err := print(stdout); err != nil {
		fmt.Fprintln(stderr, "rollout:", err)
		return 1
	}
	fmt.Fprintf(stderr, "rollout: %d wirings in %v\n", len(t.Rows), time.Since(begin).Round(time.Second))
	if blemishes := t.blemishes(); len(blemishes) > 0 {
		fmt.Fprintf(stderr, "rollout: %q\n", blemishes)
		return 1
	}
	return 0
}

// table tries the wirings one after the other, and tells which.
func (s settings) table(ctx context.Context, progress io.Writer, list []wiring) (*table, error) {
	t := newTable(s)
	for _, w := range list {
		fmt.Fprintf(progress, "rollout: %s\n", w.name)
		r, err := s.try(ctx, w)
		if err != nil {
			return nil, err
		}
		t.Rows = append(t.Rows, r)
	}
	return t, nil
}
