package durable_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
)

// temporary is a folder of temporary files for one example.
func temporary() (dir string, remove func()) {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		log.Fatal(err)
	}
	return dir, func() { _ = os.RemoveAll(dir) }
}

// isGone says whether there is something at a path.
func isGone(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// A folder that is removed however the program ends. The name is made up before the folder, so that it can be written
// down first; nobody else makes up the same one.
func Example() {
	temp, done := temporary()
	defer done()
	var scope lastly.Scope // lastly.Process() in a program

	dir := filepath.Join(temp, durable.NewName("work-"))
	_, err := durable.Remove.Register(&scope, durable.Path{Path: dir}, lastly.Hook{Name: "work folder"})
	if err != nil {
		log.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		log.Fatal(err)
	}
	// From before Mkdir to here and on, kill -9 leaves nothing behind.

	fmt.Println(scope.Close(), isGone(dir))
	// Output: <nil> true
}

// A Rental is all that giving it back needs: in another process there is nothing else.
type Rental struct {
	Car    int    `json:"car"`
	Driver string `json:"driver"` // a name that is used once
}

// parked stands for a table in a database.
var parked = map[int]string{}

// giveBack may run twice, and when nothing was rented. So it undoes this driver's rental and no other's, and finds it
// right if there is none.
func giveBack(_ context.Context, r Rental) error {
	if parked[r.Car] == r.Driver {
		delete(parked, r.Car)
	}
	fmt.Println("car", r.Car, "is free")
	return nil
}

var rental = durable.Define("rental", giveBack)

// A kind of one's own is a package-level variable, so that the guard and the next start of the program have it, too.
func ExampleDefine() {
	var scope lastly.Scope
	r := Rental{Car: 7, Driver: durable.NewName("driver-")}
	if _, err := rental.Register(&scope, r, lastly.Hook{Name: "rental"}); err != nil { // first written down
		log.Fatal(err)
	}
	parked[r.Car] = r.Driver // then done

	scope.Close()
	fmt.Println(len(parked))
	// Output:
	// car 7 is free
	// 0
}

// Cancel strikes the record: there is nothing to undo any more. Run undoes it now.
func ExampleKind_Register() {
	var scope lastly.Scope
	kept, err := rental.Register(&scope, Rental{Car: 1}, lastly.Hook{Name: "kept"})
	if err != nil {
		log.Fatal(err)
	}
	early, err := rental.Register(&scope, Rental{Car: 2}, lastly.Hook{Name: "early"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(kept.Cancel())
	fmt.Println(early.Run(context.Background()))

	scope.Close() // has nothing to do
	// Output:
	// true
	// car 2 is free
	// <nil>
}

// In the process itself, Hook.Run undoes it, if it is set: it may use what only this process has. The record is struck
// when it has returned nil.
func ExampleKind_Register_run() {
	var scope lastly.Scope
	connection := "the open connection"
	_, err := rental.Register(&scope, Rental{Car: 3}, lastly.Hook{Name: "rental", Run: func(context.Context) error {
		fmt.Println("given back over", connection)
		return nil
	}})
	if err != nil {
		log.Fatal(err)
	}
	scope.Close()
	// Output: given back over the open connection
}

// Update adds what was not known before the thing existed.
func ExampleRecord_Update() {
	var scope lastly.Scope
	r := Rental{Driver: durable.NewName("driver-")}
	rec, err := rental.Register(&scope, r, lastly.Hook{Name: "rental"})
	if err != nil {
		log.Fatal(err)
	}
	r.Car = 9 // the answer of whoever rents cars out
	if err := rec.Update(r); err != nil {
		log.Fatal(err)
	}
	scope.Close()

	fmt.Println(errors.Is(rec.Update(r), durable.ErrStruck)) // too late
	// Output:
	// car 9 is free
	// true
}

// The rules of order are those of package lastly, in the process and after its death.
func ExampleKind_Register_order() {
	var scope lastly.Scope
	for car, uses := range [][]string{{"garage"}, lastly.Nothing} {
		name := []string{"car", "garage"}[car]
		if _, err := rental.Register(&scope, Rental{Car: car}, lastly.Hook{Name: name, Uses: uses}); err != nil {
			log.Fatal(err)
		}
	}
	scope.Close()
	// Output:
	// car 0 is free
	// car 1 is free
}
