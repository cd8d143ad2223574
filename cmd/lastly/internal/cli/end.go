package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lastly-go/lastly/cmd/lastly/internal/control"
)

func cancelCommand(a *app) *cobra.Command {
	return a.ending(&cobra.Command{
		Use:   "cancel ID|NAME",
		Short: "Forget what was added to a run: it will not be undone",
		Long: `Forget what was added to a run: it will not be undone. A name means all that bear it. It prints the ids.

` + exitCodes,
		Example: `  id=$(lastly add remove "$out"); make "$out" && lastly cancel "$id"`,
	}, control.OpCancel)
}

func settleCommand(a *app) *cobra.Command {
	return a.ending(&cobra.Command{
		Use:   "settle ID|NAME",
		Short: "Undo now what was added to a run, and forget it",
		Long: `Undo now what was added to a run, and forget it. A name means all that bear it, the newest first. It prints the ids.
If undoing fails, the run does not try again, but what settles after it does.

` + exitCodes,
		Example: `  lastly settle server`,
	}, control.OpSettle)
}

// ending completes a command that ends records of a run.
func (a *app) ending(cmd *cobra.Command, op string) *cobra.Command {
	var owner string
	cmd.Flags().StringVar(&owner, "owner", "", "another run: its `ID` in lastly list, or its process number")
	cmd.Args = exactly("one ID or NAME", 1)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		if args[0] == "" {
			return usagef("%s: the name is empty; was a variable not set?", op)
		}
		answer, err := ask(owner, control.Request{Op: op, ID: args[0], Name: args[0]})
		if err != nil {
			return fmt.Errorf("%s %s: %w", op, args[0], err)
		}
		return a.ended(op, answer.Records)
	}
	return cmd
}

// ended prints what was ended, and fails if that did.
func (a *app) ended(op string, records []control.Record) error {
	failed := 0
	for _, r := range records {
		if r.Error == "" {
			_, _ = fmt.Fprintln(a.out, r.ID)
			continue
		}
		failed++
		_, _ = fmt.Fprintf(a.err, "lastly: %s %s %s: %s\n", op, r.Kind, clean(r.Text), clean(r.Error))
	}
	if failed > 0 {
		return &failure{code: codeFailed}
	}
	return nil
}
