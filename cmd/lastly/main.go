// The runtime would read the control group's limit of processors at every start, from four files of /proc and /sys: a tenth of what
// `lastly run` costs. Nothing here needs so many threads that the limit counts.
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0

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
