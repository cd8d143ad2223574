// Demo shows what lastly is for, on a real service under real load.
//
//	go run ./examples/demo
//
// It starts the service of examples/service as a process of its own, puts concurrent requests on it while others watch its
// live feed, ends it in the midst of them, and looks at what is left: once for each death, first wired with lastly, then,
// for contrast, with plain defers. Then it dies the deaths that no process survives, SIGKILL and worse, with everything
// registered as durable, and shows who has cleaned up. It exits 1 if anything that was wired with lastly is not clean.
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

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/examples/matrix"
	"github.com/lastly-go/lastly/examples/service/app"
)

const usage = `Usage: demo [flags]

Ends a real service, under load, by every death that it can still do something about, and by SIGKILL, and prints for each
what was left of it. Then ends a process that holds resources of every kind by these and all other deaths, and prints who
released each.

Flags:
  -deaths LIST   only these deaths, separated by commas:
                 %s;
                 of the second table also
                 %s
  -matrix=false  without the second table
  -contrast=false
                 without the same service wired with plain defers
  -json          print {"rows": [...], "contrast": [...], "matrix": {...}} and nothing else on standard output
  -help          print this

Columns of the first table (in brackets: what SIGKILL takes by nature):
  CLEAN        nothing left, nothing lost, everybody told, and ended by itself with the status that is right for this
               death (wired with plain defers, any status will do)
  REQUESTS     requests that the service accepted: a handler began, and said so by the interim answer 102
  IN FLIGHT    of these, those that the death met: answered after its moment, or never. With lastly the service goes on
               listening for 200 ms (its drain delay), so these are more
  LOST         of these, those that never got a whole answer with a status of 2xx. A connection that is refused or
               closed before 102 is no loss: the service had not taken the request on
  TOLD         of the clients that watched the live feed, those that were told of the end: by the WebSocket's close frame
               1001, or by a last server-sent event in a whole answer
  503          whether the readiness probe said no before any request was refused (not asked of a clean row)
  ROWS         rows that the service acknowledged
  MISSING      of these, those that are not in the database when it is opened again
  EXIT         exit code, or the signal that the service died of, or "hung" if it had to be killed
  MS           milliseconds from the moment of death until the process was gone; for SIGKILL, until the guard was done
  LEFT BEHIND  temporary folders; the service's child process; uploads that are not whole; the file with the server's
               address; the socket for operators; the database's -wal and -shm files, which are gone once it was closed;
               a log without its last line; a journal of lastly's

Columns of the second table:
  EXIT         how the process ended
  MS           milliseconds from what caused the death until everything was released; where another start had to do
               it, from that start
  the others   a resource, and who released it: the process's own hook, its guard, its next start before run, a
               sweep; "x2" if more than once, which is right only where somebody died while releasing it.
               folder: with 1000 files; file: half-written; socket: a unix socket; lock: a pid file; child: a process
               in a group of its own; kind: a cleanup of the program's own; escaped: a daemonized grandchild;
               command: a program to run; request: an HTTP request to another service

Exit status: 0 all rows wired with lastly are clean, or skipped for a reason that is printed; 1 not all, or the demo failed; 2 wrong flags.
`

// folderHook names the hook that removes the demo's folder.
const folderHook = "demo folder"

type options struct {
	deaths   []death
	contrast bool
	second   bool     // the second table
	matrix   []string // its deaths
	json     bool
	warmth   warmth // not a flag: tests are content with less
}

func main() {
	// The service that is ended is this program again, and so is the service's child.
	if app.IsRole() {
		app.Main()
	}
	if matrix.IsRole() { // and so is what the matrix ends
		matrix.Main()
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
	var names []string
	for _, d := range all {
		names = append(names, d.name)
	}
	others := slices.DeleteFunc(matrix.Deaths(), func(name string) bool { return slices.Contains(names, name) })
	o := options{warmth: warmth{rows: 300, images: 15, inFlight: 2}}
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errors are printed by main
	only := flags.String("deaths", strings.Join(slices.Concat(names, others), ","), "")
	flags.BoolVar(&o.contrast, "contrast", true, "")
	flags.BoolVar(&o.second, "matrix", true, "")
	flags.BoolVar(&o.json, "json", false, "")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprintf(w, usage, strings.Join(names, ", "), strings.Join(others, ", "))
		}
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	for name := range strings.SplitSeq(*only, ",") {
		name = strings.TrimSpace(name)
		if i := slices.Index(names, name); i >= 0 {
			o.deaths = append(o.deaths, all[i])
		} else if !slices.Contains(others, name) {
			return o, fmt.Errorf("-deaths: %q is no death; choose from %s", name, strings.Join(slices.Concat(names, others), ", "))
		}
		if o.second && slices.Contains(matrix.Deaths(), name) {
			o.matrix = append(o.matrix, name)
		}
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
	lastly.Defer("signals", matrix.Unignore())

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
	if res.Matrix != nil && !res.Matrix.OK() {
		return fmt.Errorf("the matrix is not clean: %s", res.Matrix.Summary())
	}
	return nil
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
	show := newProgress(stderr, len(wirings)*len(o.deaths)+len(o.matrix))
	for _, w := range wirings {
		for _, d := range o.deaths {
			show.begin(w.name + ": " + d.title)
			r, err := trial(ctx, dir, d, w.name, o.warmth, show)
			if err != nil {
				return res, err
			}
			show.end(r.Clean)
			*w.rows = append(*w.rows, r)
		}
	}
	if o.second && len(matrix.Deaths()) == 0 {
		fmt.Fprintf(stderr, "no second table: %v\n", matrix.ErrUnsupported)
	}
	if len(o.matrix) > 0 {
		show.begin("matrix")
		m, err := matrix.Run(ctx, matrix.Options{Deaths: o.matrix, Dir: dir, Done: func(row matrix.Row) {
			show.title = "matrix: " + row.Title
			show.end(row.Clean || row.Skipped != "")
		}})
		if err != nil {
			return res, err
		}
		res.Matrix = &m
	}
	return res, nil
}
