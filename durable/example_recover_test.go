package durable_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/journal"
)

// leaveBehind leaves what a process leaves in a folder of journals that was killed together with its guard.
func leaveBehind(dir, program string, records ...journal.Record) {
	owner := gone()
	owner.Program = program
	j, err := journal.Create(dir, owner, journal.Options{})
	if err != nil {
		log.Fatal(err)
	}
	for i := range records {
		if _, err := j.Append(&records[i]); err != nil {
			log.Fatal(err)
		}
	}
	_ = j.Close()
}

// Recover settles what earlier runs of this program left. lastly.Main does it by itself; a program without Main calls it
// at its start, after Init.
func ExampleRecover() {
	dir, done := temporary()
	defer done()
	leaveBehind(dir, program,
		journal.Record{Kind: program + ":rental", Name: "rental", Payload: []byte(`{"car":7,"driver":"gone"}`)},
		journal.Record{Kind: program + ":rental", Name: "older", Payload: []byte(`{"vehicle":7,"driver":"gone"}`)},
	)
	report, err := durable.Recover(context.Background(), durable.Options{Dir: dir}) // without Dir: where this process has its own
	if err != nil {
		log.Fatal(err)
	}
	for _, j := range report.Journals {
		for _, r := range j.Records {
			fmt.Println(r.Name, r.Outcome)
			if r.Err != nil {
				fmt.Println(r.Err)
			}
		}
	}
	// Output:
	// car 7 is free
	// rental settled
	// older failed
	// the payload does not fit durable_test.Rental: json: unknown field "vehicle"; a kind whose payload changed its meaning needs a new name
}

// Sweep looks at every journal in the folder. It settles what is built in for any program, but no other program's own
// kinds. Here it also tries dead letters again, and drops those that nobody could settle for a month.
func ExampleSweep() {
	dir, done := temporary()
	defer done()
	leaveBehind(dir, "example.com/other", journal.Record{Kind: "example.com/other:door", Name: "door", Payload: []byte(`{}`)})

	report, err := durable.Sweep(context.Background(), durable.Options{
		Dir: dir, Limit: 10 * time.Second, Wait: time.Second, Retry: true, Expire: 30 * 24 * time.Hour,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("settled:", report.Count(durable.Settled), "left:", report.Count(durable.Unknown))
	fmt.Println(report.Journals[0].Records[0].Err)
	// Output:
	// settled: 0 left: 1
	// kind "example.com/other:door" is another program's; start example.com/other, or settle by hand and remove gone
}

// Guards report to a folder. How did the processes of this user end that were not asked to?
func ExampleReports() {
	dir, done := temporary()
	defer done()
	report := durable.Report{Journals: []durable.JournalReport{{Command: "service", Died: "exit 2", Crash: "fatal error: concurrent map writes\n..."}}}
	text, _ := json.Marshal(report)
	_ = os.Mkdir(filepath.Join(dir, "reports"), 0o700)
	_ = os.WriteFile(filepath.Join(dir, "reports", "20261120T083000.000000000-4711.json"), text, 0o600)

	paths, err := durable.Reports(dir) // "" is this process's folder
	if err != nil {
		log.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			log.Fatal(err)
		}
		var r struct {
			Journals []struct{ Command, Died, Crash string }
		}
		if err := json.Unmarshal(text, &r); err != nil {
			log.Fatal(err)
		}
		for _, j := range r.Journals {
			fmt.Printf("%s: %s: %.35s\n", j.Command, j.Died, j.Crash)
		}
	}
	// Output: service: exit 2: fatal error: concurrent map writes
}
