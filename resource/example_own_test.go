package resource_test

import (
	"bufio"
	"fmt"
	"net/http"
	"os"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/resource"
)

// A database is what a library returns: Own needs to know no more of it than that it has a Close.
type database struct{}

func (*database) Close() error {
	fmt.Println("database closed")
	return nil
}

// The end of each is found by its methods. The server uses the database, so it is shut down before.
func ExampleOwn() {
	var scope lastly.Scope
	log := scope.Child(lastly.Hook{Name: "log", Last: true})
	out := bufio.NewWriter(os.Stdout)
	fmt.Fprintln(out, "the log comes last")

	resource.Own(log, "output", out)
	resource.Own(&scope, "database", &database{})
	resource.Own(&scope, "server", &http.Server{}, "database")

	for _, h := range scope.Report().Hooks {
		if h.Note != "" {
			fmt.Println(h.Name, "will end by", h.Note)
		}
	}
	fmt.Println(scope.Close())
	// Output:
	// database will end by Close
	// server will end by Shutdown, at the deadline Close
	// database closed
	// the log comes last
	// <nil>
}
