package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/lastly-go/lastly/internal/journal"
	"github.com/lastly-go/lastly/internal/proc"
)

// lists measures `lastly list` of many records beside ls of as many files.
func (l *lab) lists(ctx context.Context, t *results, rounds int, progress io.Writer) error {
	ls, err := exec.LookPath("ls")
	if err != nil {
		return err
	}
	files := filepath.Join(l.dir, "files")
	if err := makeFiles(ctx, files, l.sizes.records); err != nil {
		return err
	}
	sides := []side{{[]string{ls, files}, l.env(l.state)}}
	var works []string
	for _, journals := range []int{1, l.sizes.records / 100, l.sizes.records / 10} {
		fmt.Fprintf(progress, "ratios: list: %d journals\n", journals)
		state := filepath.Join(l.dir, "journals-"+strconv.Itoa(journals))
		if err := makeJournals(ctx, state, journals, l.sizes.records/journals); err != nil {
			return err
		}
		sides = append(sides, side{[]string{l.lastly, "list"}, l.env(state)})
		works = append(works, fmt.Sprintf("`lastly list` of %d records, journals: %d", l.sizes.records, journals))
	}
	for round := range rounds {
		fmt.Fprintf(progress, "ratios: list, round %d of %d\n", round+1, rounds)
		ms, err := l.turns(ctx, l.sizes.lists, sides)
		if err != nil {
			return err
		}
		for i, work := range works {
			t.add(work, "× `ls` of as many files", 10, ms[i+1]/ms[0])
		}
		t.add("that `ls`", "ms", 0, ms[0])
	}
	return nil
}

func makeFiles(ctx context.Context, dir string, n int) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	for i := range n {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := os.WriteFile(filepath.Join(dir, "upload-"+strconv.Itoa(i)), nil, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// makeJournals makes as many journals of processes that are gone, each with as many records.
func makeJournals(ctx context.Context, dir string, journals, records int) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	owner := journal.Owner{
		Program: "example.com/service", Command: "service", Host: proc.HostID(), Boot: proc.BootID(), Namespace: proc.Namespace(),
		Start: 42, UID: os.Geteuid(), Created: time.Now(),
	}
	for i := range journals {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		owner.Pid = beyond + i
		if err := makeJournal(dir, owner, records); err != nil {
			return err
		}
	}
	return nil
}

// beyond all process numbers that Linux gives out.
const beyond = 1<<22 + 1

func makeJournal(dir string, owner journal.Owner, records int) error {
	j, err := journal.Create(dir, owner, journal.Options{})
	if err != nil {
		return err
	}
	for i := range records {
		r := &journal.Record{
			Kind: "remove", Name: "upload", Site: "example.com/service/upload.go:42", Position: uint64(i), Scopes: []journal.Scope{{ID: 1, Name: "process"}},
			Payload: fmt.Appendf(nil, `{"path":"/var/tmp/uploads/upload-%d"}`, i),
		}
		if _, err := j.Append(r); err != nil {
			return errors.Join(err, j.Close())
		}
	}
	return j.Close()
}
