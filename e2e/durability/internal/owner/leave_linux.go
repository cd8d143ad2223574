package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
)

// leave registers and dies. The names are those of files in a folder, each with a record:
//
//	leave tree PATH     a folder that is there, with all that is in it
//	leave new DIR N     N files with names of NewName's, registered and then made
//	leave own DIR N     N files with other names, made and then registered
func leave(args []string) error {
	if len(args) < 2 {
		return errors.New("want: leave tree|new|own PATH [N]")
	}
	var err error
	switch args[0] {
	case "tree":
		err = remove(args[1])
	case "new":
		err = leaveFiles(args, func(int) string { return durable.NewName("file-") }, remove, create)
	case "own":
		err = leaveFiles(args, func(i int) string { return fmt.Sprintf("file-%d", i) }, create, remove)
	default:
		err = fmt.Errorf("can't leave %q", args[0])
	}
	if err != nil {
		return err
	}
	return syscall.Kill(os.Getpid(), syscall.SIGKILL)
}

// leaveFiles names files and does two things with each.
func leaveFiles(args []string, name func(i int) string, first, then func(path string) error) error {
	n, err := numbers("leave new|own DIR N", 1, args[2:])
	if err != nil {
		return err
	}
	for i := range n[0] {
		path := filepath.Join(args[1], name(i))
		if err := errors.Join(first(path), then(path)); err != nil {
			return err
		}
	}
	return nil
}

func remove(path string) error {
	_, err := durable.Remove.Register(lastly.Process(), durable.Path{Path: path}, lastly.Hook{})
	return err
}

func create(path string) error { return os.WriteFile(path, nil, 0o600) }

// settle is the next start: it settles what others left. It fails unless that was the given number of records.
func settle(args []string) error {
	n, err := numbers("recover N", 1, args)
	if err != nil {
		return err
	}
	r, err := durable.Recover(context.Background(), durable.Options{})
	if err != nil {
		return err
	}
	if got := r.Count(durable.Settled); got != n[0] {
		return fmt.Errorf("settled %d records, want %d\n%v", got, n[0], r)
	}
	return nil
}
