package resource_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/lastly-go/lastly/internal/testproc"
)

// A forest is a script that starts processes of all kinds. Each bears a token in its arguments, which no process can shed: it is
// the fraction of the seconds that it sleeps.
type forest struct {
	t     testing.TB
	token string
}

// newForest makes sure that nothing of it is left when the test is over.
func newForest(t testing.TB) *forest {
	t.Helper()
	n, err := rand.Int(rand.Reader, big.NewInt(1e15))
	if err != nil {
		t.Fatal(err)
	}
	f := &forest{t: t, token: fmt.Sprintf("3600.%015d", n)}
	t.Cleanup(func() {
		for _, pid := range f.living() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	return f
}

// escapes are the ways to get away from a parent, by name; TOKEN is what bears the token.
var escapes = map[string]string{
	"plain":             `sleep TOKEN &`,
	"deaf":              `(trap "" TERM HUP INT; exec sleep TOKEN) &`,
	"own group":         `timeout 3600 sleep TOKEN &`,
	"own session":       `setsid sleep TOKEN &`,
	"daemon":            `(setsid sleep TOKEN &)`,
	"scrubbed daemon":   `(env -i setsid sleep TOKEN &)`,
	"stopped":           `sleep TOKEN & kill -STOP $!`,
	"scrubbed, stopped": `env -i setsid sh -c 'kill -STOP $$; exec sleep TOKEN' &`,
	"closed":            `(exec setsid sleep TOKEN <&- >&- 2>&-) &`,
	"deaf daemon":       `(trap "" TERM; exec env -i setsid sh -c 'trap "" TERM; (exec sleep TOKEN) &')`,
}

// script starts some of each kind, says that it is ready and does what comes last.
func (f *forest) script(each int, last string) string {
	var text strings.Builder
	for _, line := range escapes {
		for range each {
			text.WriteString(strings.ReplaceAll(line, "TOKEN", f.token) + "\n")
		}
	}
	return text.String() + "echo ready\n" + last + " # " + f.token
}

// living are the processes that bear the token, but for a guard, which has its owner's arguments. A zombie has none.
func (f *forest) living() (pids []int) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		args, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if bytes.Contains(args, []byte(f.token)) && !bytes.HasPrefix(args, []byte("lastly-guard")) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// awaitAll waits until all kinds sleep: timeout is one more, and so are the shell and others who have the script.
func (f *forest) awaitAll(each, others int) {
	f.t.Helper()
	all := each*(len(escapes)+1) + 1 + others
	testproc.Poll(f.t, fmt.Sprintf("all %d of the forest", all), func() bool { return len(f.living()) == all })
}

// checkGone waits for the end of everything. What must not be waited for is checked with living.
func (f *forest) checkGone() {
	f.t.Helper()
	testproc.Poll(f.t, "the end of the forest", func() bool { return len(f.living()) == 0 })
}

// stat is what /proc tells of a process: its fields from 3 on at their number, and false for one that is gone.
func stat(pid int) ([]string, bool) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return nil, false
	}
	fields := append([]string{"", "", ""}, strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))...)
	return fields, fields[3] != "Z" && fields[3] != "X"
}

func parentOf(t testing.TB, pid int) int {
	t.Helper()
	fields, _ := stat(pid)
	if fields == nil {
		t.Fatalf("process %d is gone", pid)
	}
	parent, _ := strconv.Atoi(fields[4])
	return parent
}

// childrenOf are the children of a process, zombies among them.
func childrenOf(pid int) (found []int) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		one, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if fields, _ := stat(one); fields != nil && fields[4] == strconv.Itoa(pid) {
			found = append(found, one)
		}
	}
	return found
}

func nameOf(pid int) string {
	text, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm"))
	return strings.TrimSpace(string(text))
}
