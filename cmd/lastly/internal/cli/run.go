package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lastly-go/lastly/cmd/lastly/internal/run"
)

// runCommand is there for help, completion and man pages: main hands `lastly run` to package run without coming here.
func runCommand(*app) *cobra.Command {
	short, long, _ := strings.Cut(run.Help, "\n")
	cmd := &cobra.Command{
		Use:                "run [flags] -- CMD ARGS",
		Short:              strings.TrimSuffix(short, "."),
		Long:               short + "\n" + long,
		DisableFlagParsing: true,
		RunE: func(_ *cobra.Command, args []string) error {
			return &failure{code: run.Main(args)}
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			if strings.HasPrefix(word, "-") {
				return run.Flags(), cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveDefault
		},
	}
	cmd.SetHelpFunc(func(cmd *cobra.Command, _ []string) { // package run's own has everything
		_, _ = fmt.Fprint(cmd.OutOrStdout(), run.Help)
	})
	return cmd
}
