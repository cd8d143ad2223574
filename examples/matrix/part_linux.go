package matrix

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// partVariable tells a process which part of which row it plays. Guards inherit it, and so they do what their owner would.
const partVariable = "LASTLY_MATRIX_PART"

// The roles of a row.
const (
	roleVictim     = "victim"
	roleChild      = "child"
	roleFork       = "fork" // ends as soon as it has started the grandchild
	roleGrandchild = "grandchild"
	roleExecuted   = "executed" // what the victim becomes by exec
	roleNext       = "next start"
	roleSweep      = "sweep"
	roleHog        = "hog" // takes memory, and holds nothing
	roleBystander  = "bystander"
	roleTry        = "try" // ends at once
)

// lifetime bounds every process that does nothing but live, should there be nobody left to end it.
const lifetime = 5 * time.Minute

// A part is what a process of a row knows.
type part struct {
	Row       string   `json:"row"` // a random id, by which all processes of the row are found
	Role      string   `json:"role"`
	Dir       string   `json:"dir"`
	URL       string   `json:"url"` // for the request
	Resources []string `json:"resources,omitempty"`
	Way       string   `json:"way,omitempty"`  // how the victim dies when it is told to
	Wrap      *wrap    `json:"wrap,omitempty"` // what is to be done first
}

// Names in a row's folder.
const (
	stateFolder  = "state"  // LASTLY_DIR
	tempFolder   = "tmp"    // TMPDIR
	besideFolder = "beside" // a bystander: a link in the temp folder leads here
	keptFile     = "kept"   // a bystander, in tempFolder and besideFolder
	seatFile     = "seat"   // a line for each time that the program's own kind was settled
	ranFile      = "ran"    // the same for the command
	holdName     = "hold"   // whoever settles the program's own kind first takes this, and never comes back
	takenName    = "taken"  // then it is called so
	bootFile     = "boot"   // the id of the next boot
	errorFile    = "stderr"
)

func (p part) path(names ...string) string {
	return filepath.Join(append([]string{p.Dir}, names...)...)
}

// IsRole reports whether this process was started to play a part in the matrix: then call Main, before anything else.
func IsRole() bool {
	_, ok := os.LookupEnv(partVariable)
	return ok
}

// Main plays the part. It does not return.
func Main() {
	var p part
	if err := json.Unmarshal([]byte(os.Getenv(partVariable)), &p); err != nil {
		fail(fmt.Errorf("read my part: %w", err))
	}
	_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
	if p.Wrap != nil {
		fail(p.enter())
	}
	switch p.Role {
	case roleVictim:
		p.victim()
	case roleNext:
		p.next()
	case roleSweep:
		p.sweep()
	case roleFork:
		fail(p.fork())
	case roleTry:
	case roleHog:
		hog := takeMemory(memoryLimit / hogs * 3 / 2)
		<-time.After(lifetime)
		runtime.KeepAlive(hog)
	case roleGrandchild:
		signal.Ignore(syscall.SIGTERM, syscall.SIGHUP) // the stubborn kind
		fallthrough
	default:
		<-time.After(lifetime)
	}
	os.Exit(0)
}

// fail ends a part whose error is not nil.
func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "matrix:", err)
		os.Exit(4)
	}
}

// command is this program in a role of the same row.
func (p part) command(role string) (*exec.Cmd, error) {
	p.Role = role
	env, err := p.environ(os.Environ())
	if err != nil {
		return nil, err
	}
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(exe)
	cmd.Args[0] = "lastly-matrix-" + strings.ReplaceAll(role, " ", "-")
	cmd.Env = env
	return cmd, nil
}

// environ adds the part to an environment, and where its row keeps things.
func (p part) environ(base []string) ([]string, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	env := append(without(base, partVariable, "LASTLY_DIR", "LASTLY_GUARD", "TMPDIR"),
		partVariable+"="+string(text), "LASTLY_DIR="+p.path(stateFolder), "TMPDIR="+p.path(tempFolder))
	return append(without(env, "GORACE"), "GORACE=atexit_sleep_ms=0"), nil // the race detector's pause at exit is no death's
}

func without(env []string, names ...string) []string {
	var kept []string
next:
	for _, v := range env {
		for _, name := range names {
			if strings.HasPrefix(v, name+"=") {
				continue next
			}
		}
		kept = append(kept, v)
	}
	return kept
}

// fork starts the grandchild, which escapes to a session of its own.
func (p part) fork() error {
	cmd, err := p.command(roleGrandchild)
	if err != nil {
		return err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd.Start()
}
