package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lastly-go/lastly/cmd/lastly/internal/control"
	"github.com/lastly-go/lastly/durable"
)

func sweepCommand(a *app) *cobra.Command {
	var dry bool
	var o durable.Options
	cmd := &cobra.Command{
		Use:   "sweep [--dry-run]",
		Short: "Settle what programs that are gone have left",
		Long: `Undo what programs of this user have registered that are gone: one attempt for each record that is due. What lives is left
alone, and so are kinds of their own that programs have; their next start settles those. What fails is tried again by the
next sweep that comes when it is due; after eight attempts it is a dead letter, see retry and forget.

Ctrl-C finishes the record that it is at, and leaves the rest as it was.

` + exitCodes + `
  sweep returns 1 if something failed now or is a dead letter, or a journal could
  not be used; not if something waits for its time or its program`,
		Example: `  lastly sweep --dry-run
  @reboot lastly sweep              (in a crontab)`,
		Args: exactly("no words", 0),
		RunE: func(*cobra.Command, []string) error {
			if dry {
				return a.dryRun()
			}
			return a.sweep(o)
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what would be done, and do nothing")
	cmd.Flags().Var(span{&o.Limit}, "limit", "how long it may take in all (default 1m)")
	cmd.Flags().Var(span{&o.Wait}, "wait", "how long to wait for a guard that is still at it (default: not at all)")
	cmd.Flags().Var(span{&o.Expire}, "expire", "forget dead letters that were tried last so long ago, such as 30d (default: never)")
	return cmd
}

// dryRun says of each record of those that are gone what a sweep would do.
func (a *app) dryRun() error {
	all, err := owners()
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	digits, now := a.digits(all), time.Now()
	for i := range all {
		o := &all[i]
		if o.State != durable.Orphan {
			continue
		}
		for k := range o.Records {
			r := &o.Records[k]
			_, _ = fmt.Fprintf(a.out, "%-15s %s-%d  %-7s %s\n", r.wouldBe(now), part(o.ID, digits), r.number, r.Kind, clean(r.title()))
		}
	}
	return nil
}

// wouldBe is what a sweep would do with a record whose owner is gone.
func (r *Record) wouldBe(now time.Time) string {
	switch {
	case strings.Contains(r.Kind, ":"):
		return "its program's"
	case r.DeadLetter, r.Attempts >= durable.MaxAttempts:
		return "dead letter"
	case now.Before(r.Due) && now.Add(time.Hour).After(r.Tried): // a clock that was set back counts as due
		return "waits"
	}
	return "would settle"
}

func (a *app) sweep(o durable.Options) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	bar := a.startProgress()
	r, err := durable.Sweep(ctx, o)
	bar.stop()
	err = errors.Join(err, control.Sweep())
	if err != nil && len(r.Journals) == 0 {
		return fmt.Errorf("sweep: %w", err)
	}
	writeSettled(a.out, r)
	_ = a.out.Flush()
	_, _ = fmt.Fprintf(a.err, "lastly: %d settled, %d failed, %s, %d left for others or later, in %v\n", r.Count(durable.Settled), r.Count(durable.Failed),
		count(r.Count(durable.DeadLetter), "dead letter", "dead letters"), r.Count(durable.Unknown, durable.Waiting), brief(r.Duration))
	switch {
	case errors.Is(err, context.Canceled):
		return &failure{codeInterrupted, errors.New("sweep: interrupted; the next one goes on")}
	case errors.Is(err, context.DeadlineExceeded):
		return errors.New("sweep: its time was over before everything was tried; go on with another one, or set --limit")
	case err != nil:
		return fmt.Errorf("sweep: %w", err)
	case r.Count(durable.Failed, durable.DeadLetter) > 0:
		return &failure{codeFailed, errors.New("sweep: something is left; `lastly list` shows it, `lastly retry ID` tries it at once, `lastly forget ID` gives a dead letter up")}
	case unusable(r) > 0:
		return &failure{codeFailed, fmt.Errorf("sweep: %s could not be used; the lines above say why", count(unusable(r), "journal", "journals"))}
	}
	return nil
}

func unusable(r durable.Report) (n int) {
	for _, j := range r.Journals {
		if j.State == durable.Unusable {
			n++
		}
	}
	return n
}

// writeSettled writes a line for each record that was looked at.
func writeSettled(w interface{ Write([]byte) (int, error) }, r durable.Report) {
	for _, j := range r.Journals {
		if j.State == durable.Unusable || j.State == durable.Elsewhere {
			_, _ = fmt.Fprintf(w, "%-11s %s: %s\n", j.State, j.Path, clean(j.Why))
		}
		for i := range j.Records {
			rec := &j.Records[i]
			_, _ = fmt.Fprintf(w, "%-11s %s  %-7s %s", rec.Outcome, rec.ID, rec.Kind, clean(rec.Name))
			if rec.Err != nil {
				_, _ = fmt.Fprintf(w, "  %s", clean(rec.Err.Error()))
			}
			_, _ = fmt.Fprintln(w)
		}
	}
}
