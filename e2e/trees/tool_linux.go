package main

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// A tool runs a command, and looks after it in some way.
type tool struct {
	name    string
	program string // "": this program, in a role
	role    role
	debian  string // the package that has it
	args    []string
	root    bool // it needs root's rights
	clean   bool // nothing may survive it
}

const (
	nameNamespace = "PID namespace: unshare --kill-child"
	nameLastly    = "lastly: resource.Start"
)

func tools() []tool {
	return []tool{
		{name: "tini -s", program: "tini", debian: "tini", args: []string{"-s", "--"}},
		{name: "tini -g -s", program: "tini", debian: "tini", args: []string{"-g", "-s", "--"}},
		{name: "catatonit", program: "catatonit", debian: "catatonit", args: []string{"--"}},
		{name: "catatonit -g", program: "catatonit", debian: "catatonit", args: []string{"-g", "--"}},
		{name: "dumb-init", program: "dumb-init", debian: "dumb-init", args: []string{"--"}},
		{name: "timeout", program: "timeout", debian: "coreutils", args: []string{"3600"}},
		{name: "setsid -w", program: "setsid", debian: "util-linux", args: []string{"-w"}},
		{name: nameNamespace, program: "unshare", debian: "util-linux", args: []string{"--fork", "--pid", "--kill-child", "--"}, root: true},
		{name: "PID namespace: bwrap --die-with-parent", program: "bwrap", debian: "bubblewrap", args: []string{"--dev-bind", "/", "/", "--unshare-pid", "--die-with-parent", "--"}, root: true},
		{name: "a Go subreaper loop, no second process", role: roleLoop},
		{name: nameLastly, role: roleOwner, clean: true},
	}
}

func toolsNamed(part string) []tool {
	return slices.DeleteFunc(tools(), func(t tool) bool { return !strings.Contains(t.name, part) })
}

// find returns the tool's program, or why there is none.
func (t tool) find() (path, why string) {
	if t.program == "" {
		path, err := os.Executable()
		if err != nil {
			return "", err.Error()
		}
		return path, ""
	}
	path, err := exec.LookPath(t.program)
	if err != nil {
		return "", fmt.Sprintf("%s is not installed (apt-get install %s)", t.program, t.debian)
	}
	if t.root && os.Getuid() != 0 {
		return "", "it needs root's rights; run this program as root"
	}
	return path, ""
}

// command is the tool with the command that it is to run.
func (t tool) command(words []string) (*exec.Cmd, error) {
	path, why := t.find()
	if why != "" {
		return nil, fmt.Errorf("%s: %s", t.name, why)
	}
	cmd := exec.Command(path, append(slices.Clone(t.args), words...)...)
	cmd.Env = os.Environ()
	if t.program == "" {
		cmd.Env = append(cmd.Env, roleVariable+"="+string(t.role))
	}
	return cmd, nil
}

// version is that of the package; "" if there is no telling.
func (t tool) version() string {
	if t.debian == "" {
		return ""
	}
	text, err := exec.Command("dpkg-query", "-W", "-f", "${Version}", t.debian).Output()
	if err != nil {
		return "" // not Debian's, or no Debian
	}
	return t.debian + " " + string(text)
}
