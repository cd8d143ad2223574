// Demo shows what lastly is for, on a real service under real load.
//
//	go run ./examples/demo
//
// It starts the service of examples/service as a process of its own, puts concurrent requests on it, ends it in the midst
// of them, and looks at what is left: once for each death, first wired with lastly, then, for contrast, with plain
// defers. It exits 1 if anything that was wired with lastly is not clean.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/examples/service/app"
)

const usage = `Usage: demo [flags]

Ends a real service, under load, by every death there is, and prints for each what was left of it.

Flags:
  -deaths LIST   only these deaths, separated by commas:
                 %s
  -contrast=false
                 without the same service wired with plain defers
  -json          print {"rows": [...], "contrast": [...]} and nothing else on standard output
  -help          print this

Columns:
  CLEAN        nothing left, nothing lost, and ended by itself with the status that is right for this death
               (wired with plain defers, any status will do)
  REQUESTS     requests that the service accepted: a handler began, and said so by the interim answer 102
  IN FLIGHT    of these, those that the death met: answered after its moment, or never
  LOST         of these, those that never got a whole answer with a status of 2xx. A connection that is refused or
               closed before 102 is no loss: the service had not taken the request on
  ROWS         rows that the service acknowledged
  MISSING      of these, those that are not in the database when it is opened again
  EXIT         exit code, or the signal that the service died of, or "hung" if it had to be killed
  MS           milliseconds from the moment of death until the process was gone
  LEFT BEHIND  temporary folders; the service's child process; the database's -wal and -shm files, which are gone
               once it was closed; a log without its last line; the file with the server's address

Exit status: 0 all rows wired with lastly are clean; 1 not all, or the demo failed; 2 wrong flags.
`

// folderHook names the hook that removes the demo's folder.
const folderHook = "demo folder"

type options struct {
	deaths   []death
	contrast bool
	json     bool
	warmth   warmth // not a flag: tests are content with less
}

func main() {
	// The service that is ended is this program again, and so is the service's child.
	if app.IsRole() {
		app.Main()
	}
	o, err := parse(os.Args[1:], os.Stdout)
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(0)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "demo: %v\nRun it with -help for what there is.\n", err)
		os.Exit(2)
	}
	lastly.Main(func(ctx context.Context) error { return run(ctx, o, os.Stdout, os.Stderr) })
}

// parse reads the flags; for -help it prints the usage on w and returns flag.ErrHelp.
func parse(args []string, w io.Writer) (options, error) {
	all := deaths()
	names := make([]string, len(all))
	for i, d := range all {
		names[i] = d.name
	}
	o := options{warmth: warmth{rows: 300, images: 15, inFlight: 2}}
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errors are printed by main
	only := flags.String("deaths", strings.Join(names, ","), "")
	flags.BoolVar(&o.contrast, "contrast", true, "")
	flags.BoolVar(&o.json, "json", false, "")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprintf(w, usage, strings.Join(names, ", "))
		}
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	for name := range strings.SplitSeq(*only, ",") {
		i := slices.Index(names, strings.TrimSpace(name))
		if i < 0 {
			return o, fmt.Errorf("-deaths: %q is no death; choose from %s", name, strings.Join(names, ", "))
		}
		o.deaths = append(o.deaths, all[i])
	}
	return o, nil
}

// run runs the trials and prints their outcome. Its folder is removed by a hook, however the demo ends.
func run(ctx context.Context, o options, stdout io.Writer, stderr *os.File) error {
	dir, err := os.MkdirTemp("", "lastly-demo-")
	if err != nil {
		return err
	}
	lastly.Defer(folderHook, func() error { return os.RemoveAll(dir) })
	lastly.Defer("signals", unignore())

	res, err := trials(ctx, o, dir, stderr)
	if err != nil {
		return err
	}
	if o.json {
		err = res.writeJSON(stdout)
	} else {
		err = res.writeTable(stdout)
	}
	if err != nil {
		return fmt.Errorf("print the results: %w", err)
	}
	if n := len(res.Rows) - clean(res.Rows); n > 0 {
		return fmt.Errorf("%d of %d deaths were not clean", n, len(res.Rows))
	}
	return nil
}

// unignore sees to it that the services that are started from now on take signals, also where the demo was told to
// ignore some (nohup, a shell's &): an ignored signal is inherited, one that is caught starts over in the child.
// For the demo itself nothing changes.
func unignore() (stop func()) {
	nobody := make(chan os.Signal, 1)
	for _, sig := range []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM} {
		if signal.Ignored(sig) {
			signal.Notify(nobody, sig)
		}
	}
	return func() { signal.Stop(nobody) }
}

// trials dies every death in every wiring.
func trials(ctx context.Context, o options, dir string, stderr *os.File) (results, error) {
	res := results{Rows: []row{}, Contrast: []row{}}
	wirings := []struct {
		name string
		rows *[]row
	}{{app.Lastly, &res.Rows}, {app.Defers, &res.Contrast}}
	if !o.contrast {
		wirings = wirings[:1]
	}
	show := newProgress(stderr, len(wirings)*len(o.deaths))
	for _, w := range wirings {
		for _, d := range o.deaths {
			show.begin(w.name + ": " + d.title)
			r, err := trial(ctx, dir, d, w.name, o.warmth, show)
			if err != nil {
				return res, err
			}
			show.end(r)
			*w.rows = append(*w.rows, r)
		}
	}
	return res, nil
}
