package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
)

func main() {
	durable.Init() // a guard goes no further; it has neither flags nor a role
	becomeRole()   // lastly's row, and the loop's, are this program again
	os.Exit(command(os.Args[1:], os.Stdout, os.Stderr))
}

// options are the flags.
type options struct {
	each, rounds int
	only         string
	json         bool
}

func newFlags(stderr io.Writer) (*flag.FlagSet, *options) {
	var o options
	flags := flag.NewFlagSet("trees", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&o.each, "n", 200, "how many processes of each of the five kinds a tree has")
	flags.IntVar(&o.rounds, "rounds", 5, "how often the end of a tree is timed; 0: not at all")
	flags.StringVar(&o.only, "only", "", "only the tools that have this text in their name")
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
	list := toolsNamed(o.only)
	if o.each < 1 || o.rounds < 0 || flags.NArg() > 0 || len(list) == 0 {
		fmt.Fprintln(stderr, "trees: -n must be at least 1, -rounds not negative, -only must match a tool, and there are no arguments")
		return 2
	}
	return lastly.Program{Stderr: stderr}.Run(context.Background(), func(ctx context.Context) error {
		return report(ctx, stdout, stderr, list, *o)
	})
}

// report looks at everything, and prints it.
func report(ctx context.Context, stdout, stderr io.Writer, list []tool, o options) error {
	begin := time.Now()
	l := lab{lastly.Process(), o.each}
	t := newTable(l)
	if err := l.fill(ctx, t, stderr, list, o.rounds); err != nil {
		return err
	}
	print := t.markdown
	if o.json {
		print = t.json
	}
	if err := print(stdout); err != nil {
		return err
	}
	fmt.Fprintf(stderr, "trees: %d tools in %v\n", len(list), time.Since(begin).Round(time.Second))
	if list := t.blemishes(); len(list) > 0 {
		return errors.New(strings.Join(list, "; "))
	}
	return nil
}

// fill makes all trials. Only with one of lastly's among the tools there is more than the first table.
func (l lab) fill(ctx context.Context, t *table, progress io.Writer, list []tool, rounds int) error {
	if err := build(l.scope, list); err != nil {
		return err
	}
	for _, tool := range list {
		fmt.Fprintf(progress, "trees: %s\n", tool.name)
		r, err := l.row(ctx, tool)
		if err != nil {
			return err
		}
		t.Rows = append(t.Rows, r)
	}
	for _, m := range mishaps() {
		if !slices.ContainsFunc(list, func(t tool) bool { return t.name == m.tool }) {
			continue
		}
		fmt.Fprintf(progress, "trees: double faults: %v\n", m)
		f, err := l.fault(ctx, m)
		if err != nil {
			return err
		}
		t.Faults = append(t.Faults, f)
	}
	ways := waysOf(list)
	for i := range rounds {
		if len(ways) == 0 {
			break
		}
		fmt.Fprintf(progress, "trees: timing, round %d of %d\n", i+1, rounds)
		if err := l.round(ctx, t, ways); err != nil {
			return err
		}
	}
	return nil
}
