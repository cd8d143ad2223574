package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/seam"
)

func retryCommand(a *app) *cobra.Command {
	var everything bool
	cmd := &cobra.Command{
		Use:   "retry ID... | --all",
		Short: "Try again now what failed: dead letters, and what is not due",
		Long: `Make one attempt now at a record whose owner is gone: a dead letter, or one whose time has not come.

` + exitCodes,
		Example: `  lastly retry 3fa9c2d1-7
  lastly retry --all`,
		Args: someIDs(&everything),
		RunE: func(_ *cobra.Command, args []string) error {
			if everything {
				return a.sweep(durable.Options{Retry: true})
			}
			return a.each("retry", args, false, true)
		},
	}
	cmd.Flags().BoolVar(&everything, "all", false, "everything of owners that are gone")
	return cmd
}

func forgetCommand(a *app) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "forget ID...",
		Short: "Give up dead letters: what they are about stays as it is",
		Long: `Give up dead letters: they are struck from the journal, and what they are about stays as it is. With --force also records
that are none yet, such as those of a program that is no more; their owner must be gone.

` + exitCodes,
		Example: `  lastly forget 3fa9c2d1-7`,
		Args:    someIDs(nil),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.each("forget", args, true, force)
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "also what is no dead letter")
	return cmd
}

// someIDs checks the words. all is a flag that stands for all ids.
func someIDs(all *bool) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 && (all == nil || !*all) {
			return usagef("%s: no record was named; `lastly list` shows their ids", cmd.Name())
		}
		if len(args) > 0 && all != nil && *all {
			return usagef("%s: --all and ids exclude each other; leave one out", cmd.Name())
		}
		return nil
	}
}

// each does something with each record, and fails at the end if one failed.
func (a *app) each(what string, ids []string, forget, force bool) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var errs []error
	for _, id := range ids {
		if ctx.Err() != nil {
			return &failure{codeInterrupted, errors.Join(append(errs, fmt.Errorf("%s: interrupted before %s", what, id))...)}
		}
		if err := a.one(ctx, id, forget, force); err != nil {
			errs = append(errs, fmt.Errorf("%s %s: %w", what, id, err))
		}
	}
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}

// one settles, or forgets, one record.
func (a *app) one(ctx context.Context, id string, forget, force bool) error {
	o, r, err := recordNamed(id)
	switch {
	case err != nil:
		return err
	case o.State == durable.Alive:
		return errors.New("its owner lives, and undoes it by itself; a run does it on demand: lastly settle ID --owner OWNER")
	case o.State != durable.Orphan:
		return fmt.Errorf("its journal is %q: %s", o.State, o.Why)
	case !forget && strings.Contains(r.Kind, ":"):
		return fmt.Errorf("the kind %s is its program's own, and only that can settle it; start %s again, or give it up with `lastly forget --force`", r.Kind, o.Command)
	case forget && !force && !r.DeadLetter:
		return errors.New("it is no dead letter: `lastly sweep` will try it again; --force forgets it all the same")
	}
	report := seam.OfDurable.SettleOne(ctx, o.Journal, r.number, forget).(durable.JournalReport)
	if len(report.Records) == 0 {
		if report.State == durable.Orphan || report.State == "" {
			return notFoundf("it is gone meanwhile; `lastly list` shows what is left")
		}
		return fmt.Errorf("its journal is %q: %s; try again", report.State, report.Why)
	}
	return a.tellOne(report.Records[0])
}

func (a *app) tellOne(r durable.RecordReport) error {
	_, _ = fmt.Fprintf(a.out, "%-11s %s\n", outcome(r.Outcome), r.ID)
	if r.Err != nil && r.Outcome != durable.Expired {
		return fmt.Errorf("%w; `lastly list` shows its attempts, `lastly forget` gives it up", r.Err)
	}
	return nil
}

// outcome is the word for people.
func outcome(o durable.Outcome) string {
	if o == durable.Expired {
		return "forgotten"
	}
	return string(o)
}

// recordNamed finds a record by its id, of which the first part may be shorter.
func recordNamed(id string) (Owner, Record, error) {
	owner, number, ok := strings.Cut(id, "-")
	n, err := strconv.ParseUint(number, 10, 64)
	if !ok || err != nil {
		return Owner{}, Record{}, notFoundf("%q is no id of a record; they look like 3fa9c2d1-7, and `lastly list` shows them", id)
	}
	path, err := journalOf(owner)
	if err != nil {
		return Owner{}, Record{}, err
	}
	o, ok := readOwner(path, newWitness())
	if !ok {
		return o, Record{}, notFoundf("its journal is gone meanwhile: all of it was settled")
	}
	if o.State == durable.Unusable {
		return o, Record{}, errors.New(o.Why)
	}
	at := slices.IndexFunc(o.Records, func(r Record) bool { return r.number == n })
	if at < 0 {
		return o, Record{}, notFoundf("there is no such record (any more); `lastly list` shows what there is")
	}
	return o, o.Records[at], nil
}
