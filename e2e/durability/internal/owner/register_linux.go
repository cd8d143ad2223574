package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/e2e/durability/internal/bare"
	"github.com/lastly-go/lastly/e2e/internal/turns"
)

// A ticket is a payload of 200 bytes of JSON.
type ticket struct {
	Show string `json:"show"`
	Seat int    `json:"seat"`
	Note string `json:"note"`
}

var (
	tickets = durable.Define("ticket", func(context.Context, ticket) error { return nil })
	payload = ticket{Show: "the tempest", Seat: 17, Note: strings.Repeat("n", 158)}
)

// register prints the nanoseconds of a whole registration, and of a bare pwrite of a slot.
func register(args []string) error {
	n, err := numbers("register ROUND TRIES N", 3, args)
	if err != nil {
		return err
	}
	floor, err := bare.New(filepath.Join(os.Getenv("LASTLY_DIR"), "floor"), 2*n[2]*bare.SlotSize, false)
	if err != nil {
		return err
	}
	took, err := turns.Least(n[0], n[1], registrations(n[2]), floor.Writing(1, n[2]))
	err = errors.Join(err, floor.Close())
	if err != nil {
		return err
	}
	fmt.Println(took[0], took[1])
	return nil
}

// registrations registers n tickets and, when the clock has stopped, cancels them.
func registrations(n int) turns.Side {
	records := make([]*durable.Record[ticket], 0, n)
	return func() (float64, error) {
		took, err := turns.Each(n, func() error {
			r, err := tickets.Register(lastly.Process(), payload, lastly.Hook{})
			records = append(records, r)
			return err
		})
		for _, r := range records {
			if r != nil {
				r.Cancel()
			}
		}
		clear(records) // what was cancelled may go
		records = records[:0]
		return took, err
	}
}

// churn registers and cancels n tickets one after the other, and prints the size of the journal in the end.
func churn(args []string) error {
	n, err := numbers("churn N", 1, args)
	if err != nil {
		return err
	}
	for range n[0] {
		r, err := tickets.Register(lastly.Process(), payload, lastly.Hook{})
		if err != nil {
			return err
		}
		r.Cancel()
	}
	files, err := filepath.Glob(filepath.Join(os.Getenv("LASTLY_DIR"), "*.journal"))
	if err == nil && len(files) != 1 {
		err = fmt.Errorf("want one journal, found %q", files)
	}
	if err != nil {
		return err
	}
	info, err := os.Stat(files[0])
	if err != nil {
		return err
	}
	fmt.Println(info.Size())
	return nil
}
