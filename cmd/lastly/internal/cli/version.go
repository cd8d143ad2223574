package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func versionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Say which version this is, and what it was built from",
		Long: `Say which version this is, the commit, if that is known, and the version of Go that built it.

` + exitCodes,
		Example: `  lastly version
  lastly --version`,
		Args: exactly("no words", 0),
		RunE: func(*cobra.Command, []string) error {
			version, revision, changed := "(unknown)", "", ""
			if info, ok := debug.ReadBuildInfo(); ok {
				version = info.Main.Version
				for _, s := range info.Settings {
					switch {
					case s.Key == "vcs.revision":
						revision = " " + s.Value
					case s.Key == "vcs.modified" && s.Value == "true":
						changed = " (changed)"
					}
				}
			}
			_, err := fmt.Fprintf(a.out, "lastly %s%s%s %s %s/%s\n", version, revision, changed, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
