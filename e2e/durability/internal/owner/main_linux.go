package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
)

func main() {
	role, args := "", []string(nil)
	if len(os.Args) > 1 {
		role, args = os.Args[1], os.Args[2:]
	}
	switch role {
	case "exit": // what a bare fork and exec is measured with
		return
	case "hold":
		lastly.Main(func(context.Context) error { return hold(args) })
	}
	durable.Init()
	roles := map[string]func(args []string) error{
		"spawn": spawn, "register": register, "churn": churn, "leave": leave, "recover": settle,
	}
	run, ok := roles[role]
	if !ok {
		fmt.Fprintf(os.Stderr, "owner: no role %q\n", role)
		os.Exit(2)
	}
	if err := run(args); err != nil {
		fmt.Fprintln(os.Stderr, "owner:", err)
		os.Exit(1)
	}
}

// hold registers the removal of a file, makes it, and waits for the end of its standard input. It prints the nanoseconds that
// registering took: with the making of the journal and the start of the guard, as it is the first registration.
func hold(args []string) error {
	if len(args) != 1 {
		return errors.New("want: hold FILE")
	}
	begin := time.Now()
	_, err := durable.Remove.Register(lastly.Process(), durable.Path{Path: args[0]}, lastly.Hook{Name: "file"})
	took := time.Since(begin)
	if err != nil {
		return err
	}
	if err := os.WriteFile(args[0], nil, 0o600); err != nil {
		return err
	}
	fmt.Println(took.Nanoseconds())
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// spawn prints the nanoseconds of a bare fork and exec of this program. It does without package os, which would try what pidfds
// can do before, on a process of its own.
func spawn([]string) error {
	begin := time.Now()
	pid, err := syscall.ForkExec("/proc/self/exe", []string{os.Args[0], "exit"}, &syscall.ProcAttr{Files: []uintptr{0, 1, 2}})
	took := time.Since(begin)
	if err != nil {
		return err
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil {
		return err
	}
	if status != 0 {
		return fmt.Errorf("its wait status is %#x", uint32(status))
	}
	fmt.Println(took.Nanoseconds())
	return nil
}

// numbers are arguments that are numbers.
func numbers(want string, count int, args []string) ([]int, error) {
	var list []int
	for _, arg := range args {
		if n, err := strconv.Atoi(arg); err == nil && n >= 0 {
			list = append(list, n)
		}
	}
	if len(list) != count || len(args) != count {
		return nil, fmt.Errorf("want: %s, got %q", want, args)
	}
	return list, nil
}
