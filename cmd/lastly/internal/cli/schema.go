package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lastly-go/lastly/cmd/lastly/internal/run/config"
)

func schemaCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Write the JSON schema of the files of lastly run --config",
		Long: `Write the JSON schema of the files of lastly run --config, with which an editor completes and checks them. Those that use
yaml-language-server find it by a comment in the file:

  # yaml-language-server: $schema=lastly.schema.json

` + exitCodes,
		Example: `  lastly schema >lastly.schema.json`,
		Args:    exactly("no words", 0),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(a.out, config.Schema)
			return err
		},
	}
}
