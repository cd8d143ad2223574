// Lastly undoes what a command did, however it ends.
package main

import (
	"os"

	"github.com/lastly-go/lastly/cmd/lastly/internal/cli"
	"github.com/lastly-go/lastly/cmd/lastly/internal/run"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "run" {
		os.Exit(run.Main(os.Args[2:]))
	}
	os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
