package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/lastly-go/lastly/durable"
)

func reportCommand(a *app) *cobra.Command {
	var list bool
	cmd := &cobra.Command{
		Use:   "report [FILE]",
		Short: "Draw how an exit went",
		Long: `Draw how an exit went: what ran when, for how long, with what outcome. FILE is JSON of lastly.Report (lastly run --report
FILE writes it) or of durable.Report; - is stdin. Without FILE it is the last one of a guard: how a program died, what the
runtime wrote when it crashed, and what was settled.

A # stands for the critical path: making that shorter makes the exit shorter. An = stands for what ran beside it.

` + exitCodes,
		Example: `  lastly run --report exit.json -- make test; lastly report exit.json
  lastly report --list`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 || list && len(args) > 0 {
				return usagef("report: %d words were given, want one FILE or none; `lastly report --help` has examples", len(args))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			switch {
			case list:
				return a.listReports()
			case len(args) == 0:
				return a.lastReport()
			}
			return a.report(args[0])
		},
	}
	cmd.Flags().BoolVar(&list, "list", false, "name the files of guards' reports, the oldest first")
	return cmd
}

func (a *app) listReports() error {
	paths, err := durable.Reports("")
	for _, path := range paths {
		_, _ = fmt.Fprintln(a.out, path)
	}
	return err
}

func (a *app) lastReport() error {
	paths, err := durable.Reports("")
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if len(paths) == 0 {
		return notFoundf("report: no guard has reported anything yet; name a FILE, such as that of lastly run --report")
	}
	return a.report(paths[len(paths)-1])
}

// maxReport bounds what is read.
const maxReport = 64 << 20

func (a *app) report(path string) error {
	text, err := a.read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return notFoundf("report: %w; `lastly report --list` names those of guards", err)
	}
	if err != nil {
		return fmt.Errorf("report: %w; name a file that can be read", err)
	}
	var shape struct {
		Hooks    json.RawMessage `json:"hooks"`
		Journals json.RawMessage `json:"journals"`
	}
	err = json.Unmarshal(text, &shape)
	d := drawing{w: a.out, paint: colours(a.rawOut), width: width(a.rawOut)}
	switch {
	case err == nil && shape.Hooks != nil:
		var r exitReport
		if err = json.Unmarshal(text, &r); err == nil {
			d.exit(&r)
			return nil
		}
	case err == nil && shape.Journals != nil:
		var r durable.Report
		if err = json.Unmarshal(text, &r); err == nil {
			d.settling(r)
			return nil
		}
	case err == nil:
		err = errors.New("it has neither hooks nor journals")
	}
	return fmt.Errorf("report: %s is no report: %w; write one with lastly run --report FILE, or json.Marshal of a Report", path, err)
}

func (a *app) read(path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(io.LimitReader(a.in, maxReport))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, maxReport))
}
