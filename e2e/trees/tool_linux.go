package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/resource"
)

// A tool runs a command, and looks after it in some way.
type tool struct {
	name    string
	program string // "": this program, in a role
	role    role
	built   bool   // the program is cmd/lastly, which is built first
	debian  string // the package that has it
	args    []string
	root    bool // it needs root's rights
	clean   bool // nothing may survive it
	grace   string
}

const (
	nameNamespace = "PID namespace: unshare --kill-child"
	nameLastly    = "lastly: resource.Start"
	nameRun       = "lastly run"
	nameGuarded   = "lastly run --temp" // registers something, so that there is a guard
)

// shortGrace is enough, for a fifth of the tree ignores SIGTERM and waits it out.
const shortGrace = "300ms"

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
		{name: nameLastly, role: roleOwner, clean: true, grace: shortGrace},
		{name: nameRun, program: "lastly", built: true, clean: true, grace: shortGrace},
		{name: nameGuarded, program: "lastly", built: true, args: []string{"--temp"}, clean: true, grace: shortGrace},
	}
}

func toolsNamed(part string) []tool {
	return slices.DeleteFunc(tools(), func(t tool) bool { return !strings.Contains(t.name, part) })
}

func toolNamed(name string) tool {
	all := tools()
	return all[slices.IndexFunc(all, func(t tool) bool { return t.name == name })]
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
	if t.built {
		return os.Getenv(commandVariable), ""
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
	args := slices.Clone(t.args)
	if t.built {
		args = slices.Concat([]string{"run", "--grace", t.grace}, t.args, []string{"--"})
	}
	cmd := exec.Command(path, append(args, words...)...)
	cmd.Env = os.Environ()
	if t.program == "" {
		cmd.Env = append(cmd.Env, roleVariable+"="+string(t.role), graceVariable+"="+t.grace)
	}
	return cmd, nil
}

// commandVariable is where the built command is. If somebody has set it, that one is tried.
const commandVariable = "LASTLY_TREES_COMMAND"

// build builds the command, if one of the tools is it. The working folder has to be in this workspace.
func build(scope *lastly.Scope, list []tool) error {
	if os.Getenv(commandVariable) != "" || !slices.ContainsFunc(list, func(t tool) bool { return t.built }) {
		return nil
	}
	dir, err := resource.TempDir(scope, "trees-*")
	if err != nil {
		return err
	}
	return buildIn(dir)
}

func buildIn(dir string) error {
	path := filepath.Join(dir, "lastly")
	cmd := exec.Command("go", "build", "-o", path, "github.com/lastly-go/lastly/cmd/lastly")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the command: %w; be in the folder of this workspace\n%s", err, text)
	}
	return os.Setenv(commandVariable, path)
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
