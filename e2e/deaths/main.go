// Deaths prints the death matrix: every death of a real process that holds real resources, and who released each.
//
//	go run ./e2e/deaths [-json] [-deaths sigkill,oom] [-resources folder,child]
//
// It exits 1 if a cell is not clean, or if it can't look.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/examples/matrix"
)

func main() {
	if matrix.IsRole() { // the victims are this program again
		matrix.Main()
	}
	asJSON := flag.Bool("json", false, "print JSON")
	deaths := flag.String("deaths", strings.Join(matrix.Deaths(), ","), "only these, separated by commas")
	resources := flag.String("resources", strings.Join(matrix.Resources(), ","), "only these, separated by commas")
	flag.Parse()
	o := matrix.Options{Deaths: strings.Split(*deaths, ","), Resources: strings.Split(*resources, ",")}
	lastly.Main(func(ctx context.Context) error { return run(ctx, o, *asJSON) })
}

func run(ctx context.Context, o matrix.Options, asJSON bool) error {
	r, err := matrix.Run(ctx, o)
	if err != nil {
		return err
	}
	if asJSON {
		err = r.WriteJSON(os.Stdout)
	} else {
		err = r.WriteTable(os.Stdout)
	}
	if err == nil && !r.OK() {
		err = errors.New("not all is clean: " + r.Summary())
	}
	if err != nil {
		return fmt.Errorf("deaths: %w", err)
	}
	return nil
}
