// Booking holds a seat for as long as it lives, in a table that knows nothing of processes.
//
//	go run ./examples/booking -seat 7
//	kill -9 PID                       # in another terminal, with the number that it prints
//	go run ./examples/booking -list   # seat 7 is free again
//
// Its kind "seat" is Go code of this program. After a kill -9 it runs in the guard: this program, started again as far as
// lastly.Main. It may run twice, and when nothing was booked, so it says in SQL what it undoes: this holder's booking, and
// no other's.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
)

// A booking is all that releasing a seat needs: it has no memory of the process that booked, nor its working folder.
type booking struct {
	Table  string `json:"table"` // path of the database
	Seat   int    `json:"seat"`
	Holder string `json:"holder"` // used once
}

var seats = durable.Define("seat", func(ctx context.Context, b booking) error {
	t, err := open(b.Table)
	if err != nil {
		return err
	}
	defer t.close()
	return t.release(ctx, b.Seat, b.Holder)
})

func main() {
	file := flag.String("table", "seats.db", "the database; made when it is missing")
	seat := flag.Int("seat", 1, "the seat to hold")
	list := flag.Bool("list", false, "print who holds what, and end")
	flag.Parse() // a guard gets the same words
	lastly.Main(func(ctx context.Context) error {
		path, err := filepath.Abs(*file)
		if err != nil {
			return err
		}
		t, err := open(path)
		if err != nil {
			return err
		}
		lastly.Defer("table", t.close)
		if *list {
			return t.print(ctx, os.Stdout)
		}
		return hold(ctx, t, booking{Table: path, Seat: *seat, Holder: durable.NewName("holder-")})
	})
}

func hold(ctx context.Context, t *table, b booking) error {
	if _, err := seats.Register(lastly.Process(), b, lastly.Hook{Name: "seat"}); err != nil {
		return err
	}
	ok, err := t.book(ctx, b.Seat, b.Holder)
	if err != nil {
		return err
	}
	if !ok {
		return errors.New("somebody else holds the seat") // its release will find nothing of ours
	}
	fmt.Println("process", os.Getpid(), "holds seat", b.Seat)
	<-ctx.Done()
	return nil
}
