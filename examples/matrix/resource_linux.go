package matrix

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
)

// A resource is something that a victim holds.
type resource struct {
	name string
	// hold makes it and registers its release, in the victim.
	hold func(p part) error
	// left says what of it is there, "" if nothing is: the judge's look. It is called often.
	left func(t *trial) string
	// times counts how often it was released; nil for what can only be gone.
	times func(t *trial) int
	// process is the role of the process that it is; "" if it is none.
	process string
}

const (
	fileCount = 1000
	seatName  = "kind"
)

// resources are all resources, in the order in which they are taken hold of.
func resources() []resource {
	return []resource{
		{name: "folder", hold: holdFolder, left: leftFolder},
		{name: "file", hold: holdHalf, left: leftNamed(halfPrefix)},
		{name: "socket", hold: holdSocket, left: leftNamed(socketName)},
		{name: "lock", hold: holdLock, left: leftNamed(lockName)},
		{name: "child", hold: holdChild, left: leftProcess(roleChild), process: roleChild},
		{name: seatName, hold: holdSeat, left: leftTimes(timesIn(seatFile)), times: timesIn(seatFile)},
		{name: "escaped", hold: holdGrandchild, left: leftProcess(roleGrandchild), process: roleGrandchild},
		{name: "command", hold: holdCommand, left: leftTimes(timesIn(ranFile)), times: timesIn(ranFile)},
		{name: "request", hold: holdRequest, left: leftTimes(timesAsked), times: timesAsked},
	}
}

// Resources are the names of all resources, in their order.
func Resources() []string {
	var names []string
	for _, r := range resources() {
		names = append(names, r.name)
	}
	return names
}

func selected(names []string, name string) bool { return names == nil || slices.Contains(names, name) }

// Names in the folder of temporary files.
const (
	folderPrefix = "many-"
	halfPrefix   = "half-"
	socketName   = "socket"
	lockName     = "lock.pid"
)

func register[P any](k *durable.Kind[P], name string, payload P) (*durable.Record[P], error) {
	return k.Register(lastly.Process(), payload, lastly.Hook{Name: name})
}

// holdFolder is a folder with many files. One of what is in it is a link to a bystander.
func holdFolder(p part) error {
	path := p.path(tempFolder, durable.NewName(folderPrefix))
	rec, err := register(durable.Remove, "folder", durable.Path{Path: path})
	if err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		return err
	}
	if err := rec.Update(durable.Path{Path: path}); err != nil {
		return err
	}
	for i := range fileCount - 1 {
		dir := filepath.Join(path, fmt.Sprint(i%10))
		if i < 10 {
			if err := os.Mkdir(dir, 0o700); err != nil {
				return err
			}
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), []byte("x"), 0o600); err != nil {
			return err
		}
	}
	return os.Symlink(p.path(besideFolder), filepath.Join(path, "link"))
}

// holdHalf is a file that is being written: its record never learns what identifies it.
func holdHalf(p part) error {
	path := p.path(tempFolder, durable.NewName(halfPrefix))
	if _, err := register(durable.Remove, "file", durable.Path{Path: path}); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	lastly.DeferIn(lastly.Process(), "close it", f.Close)
	_, err = f.Write(bytes.Repeat([]byte("half "), 1<<14))
	return err
}

// holdSocket is a unix socket that somebody listens on, under a name that is no secret.
func holdSocket(p part) error {
	path := p.path(tempFolder, socketName)
	rec, err := register(durable.Remove, "socket", durable.Path{Path: path})
	if err != nil {
		return err
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	lastly.DeferIn(lastly.Process(), "close it", ln.Close)
	return rec.Update(durable.Path{Path: path})
}

// holdLock is a lock of the old kind: a file with the holder's number in it.
func holdLock(p part) error {
	path := p.path(tempFolder, lockName)
	rec, err := register(durable.Remove, "lock", durable.Path{Path: path})
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	lastly.DeferIn(lastly.Process(), "close it", f.Close)
	if _, err := fmt.Fprintln(f, os.Getpid()); err != nil {
		return err
	}
	return rec.Update(durable.Path{Path: path})
}

// holdChild is a child process that leads a group of its own.
func holdChild(p part) error {
	mark := durable.NewMark()
	rec, err := register(durable.Kill, "child", durable.Process{Mark: mark})
	if err != nil {
		return err
	}
	cmd, err := p.command(roleChild)
	if err != nil {
		return err
	}
	cmd.Env = durable.WithMark(cmd.Env, mark)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }() // ends with the child
	return rec.Update(durable.Process{Mark: mark, Pid: cmd.Process.Pid, Group: true})
}

// holdGrandchild is a daemon: its parent is gone, its session is its own, and nobody knows its number.
func holdGrandchild(p part) error {
	mark := durable.NewMark()
	if _, err := register(durable.Kill, "escaped", durable.Process{Mark: mark}); err != nil {
		return err
	}
	cmd, err := p.command(roleFork)
	if err != nil {
		return err
	}
	cmd.Env = durable.WithMark(cmd.Env, mark)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd.Run()
}

// holdSeat is a cleanup of the program's own.
func holdSeat(p part) error {
	_, err := register(seats, seatName, seat{Dir: p.Dir, Text: seatText})
	return err
}

// holdCommand is a program that has to be run.
func holdCommand(p part) error {
	sh, err := exec.LookPath("sh")
	if err != nil {
		return err
	}
	_, err = register(durable.Exec, "command", durable.Command{Args: []string{sh, "-c", `echo "$0" >>"$1"`, p.Row, ranFile}, Dir: p.Dir})
	return err
}

// holdRequest is what another service has to be told.
func holdRequest(p part) error {
	_, err := register(durable.HTTP, "request", durable.Request{Method: http.MethodDelete, URL: p.URL})
	return err
}

func leftFolder(t *trial) string {
	found, _ := filepath.Glob(t.path(tempFolder, folderPrefix+"*"))
	if len(found) == 0 {
		return ""
	}
	n := 0
	_ = filepath.WalkDir(found[0], func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return nil
	})
	return fmt.Sprintf("the folder is there, with %d files", n)
}

func leftNamed(prefix string) func(*trial) string {
	return func(t *trial) string {
		found, _ := filepath.Glob(t.path(tempFolder, prefix+"*"))
		if len(found) == 0 {
			return ""
		}
		return filepath.Base(found[0]) + " is there"
	}
}

func leftProcess(role string) func(*trial) string {
	return func(t *trial) string {
		if p, ok := t.processes[role]; ok && p.lives() {
			return fmt.Sprintf("process %d lives", p.pid)
		}
		return ""
	}
}

func leftTimes(times func(*trial) int) func(*trial) string {
	return func(t *trial) string {
		if times(t) == 0 {
			return "it was not done"
		}
		return ""
	}
}

func timesIn(name string) func(*trial) int {
	return func(t *trial) int {
		text, err := os.ReadFile(t.path(name))
		if errors.Is(err, fs.ErrNotExist) {
			return 0
		}
		return strings.Count(string(text), "\n")
	}
}

func timesAsked(t *trial) int { return t.server.times(t.Row) }
