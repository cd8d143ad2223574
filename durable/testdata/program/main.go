// Command program is what tests of package durable look at as a guard: it is small, and says in a file how often it ran.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
)

var ran = tell("variable")

var goKind = durable.Define("go-kind", func(context.Context, string) error { return tell("settle") })

func tell(what string) error {
	f, err := os.OpenFile(os.Getenv("PROGRAM_RAN"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, what)
	return err
}

func main() {
	_ = tell("main")
	mode, path := flag.String("mode", "", ""), flag.String("path", "", "")
	flag.Parse()
	if ran != nil {
		fail(ran)
	}
	if text, _ := os.ReadFile(os.Getenv("PROGRAM_RAN")); strings.Count(string(text), "main\n") > 3 {
		fail("it starts itself again and again")
	}
	for m := range strings.SplitSeq(*mode, ",") {
		switch m {
		case "seteuid":
			check(syscall.Seteuid(65534))
		case "init":
			durable.Init()
		case "crash-output":
			f, err := os.Create(*path + ".own-crash")
			check(err)
			register(*path)
			check(debug.SetCrashOutput(f, debug.CrashOptions{}))
		case "go-kind":
			_, err := goKind.Register(lastly.Process(), "", lastly.Hook{Name: "go"})
			fmt.Fprintln(os.Stderr, "go kind:", err)
		case "remove":
			register(*path)
		case "delete-self":
			self, err := os.Executable()
			check(err)
			check(os.Remove(self))
		case "close-all":
			closeAll()
		case "exec-sleep":
			check(syscall.Exec("/bin/sleep", []string{"sleep", "30"}, os.Environ()))
		case "exec-self":
			self, err := os.Executable()
			check(err)
			check(syscall.Exec(self, []string{os.Args[0], "-mode", "hang", "-path", *path}, os.Environ()))
		case "journals": // where they are, and what the report says of the guard
			paths, err := filepath.Glob("/tmp/*/*.journal")
			check(err)
			fmt.Println(strings.Join(paths, " "), lastly.Process().Report().Hooks[0].Note)
		case "crash":
			go panic("crashed")
			select {}
		case "hang":
			fmt.Println("ready")
			hang()
		}
	}
}

// closeAll closes what a program may close that thinks it has inherited it: not the Go runtime's own, without which it dies.
func closeAll() {
	for fd := 3; fd < 100; fd++ {
		what, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
		if err == nil && !strings.HasPrefix(what, "anon_inode:[event") {
			_ = syscall.Close(fd)
		}
	}
}

func hang() {
	r, w, err := os.Pipe()
	check(err)
	_, _ = r.Read(make([]byte, 1))
	_ = w.Close()
}

func register(path string) {
	_, err := durable.Remove.Register(lastly.Process(), durable.Path{Path: path}, lastly.Hook{Name: "path"})
	check(err)
}

func check(err error) {
	if err != nil {
		fail(err)
	}
}

func fail(why any) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(3)
}
