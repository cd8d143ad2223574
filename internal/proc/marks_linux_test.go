package proc

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/lastly-go/lastly/internal/testproc"
)

const variable = "LASTLY_TEST_MARK"

// TestMarked: the limits are part of the promise.
func TestMarked(t *testing.T) {
	t.Parallel()
	value := fmt.Sprintf("mark-%d-%s", os.Getpid(), t.Name())
	parent := talk(t, testproc.Spec{Victim: "parent", Env: []string{variable + "=other:" + value}})
	t.Cleanup(func() {
		_ = syscall.Kill(-parent.Pid(), syscall.SIGKILL) // it leads its group, and lives
		_ = EachMarked(variable, value, func(p *Process) bool {
			_ = p.Signal(syscall.SIGKILL)
			return false
		})
	})
	scripts := []string{
		"exec sleep 1000",
		"setsid sh -c 'sleep 1000 & setsid sleep 1000 & exit'; exit", // two, whose parents are gone
	}
	notFound := []string{
		"exec env -i sleep 1000", // started without
		"exec env " + variable + "=" + value + "x sleep 1000",
		"exec env -i " + variable + "x=" + value + " sleep 1000",
	}
	for _, script := range append(scripts, notFound...) {
		parent.say("start " + script)
	}
	_ = parent.child(t, len(scripts)+len(notFound))
	var found []ID
	testproc.Poll(t, "the sleepers", func() bool {
		var err error
		found, err = Marked(variable, value)
		if err != nil {
			t.Fatal(err)
		}
		names := make(map[string]int)
		for _, id := range found {
			comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", id.Pid))
			names[strings.TrimSpace(string(comm))]++
		}
		return len(found) == 4 && names["sleep"] == 3
	})
	if !slices.ContainsFunc(found, func(id ID) bool { return id == of(t, parent.Pid()) }) {
		t.Error("the first one is not among them")
	}
	if !slices.IsSortedFunc(found, func(a, b ID) int { return a.Pid - b.Pid }) {
		t.Error("not sorted")
	}
	for _, id := range found {
		if id != of(t, id.Pid) {
			t.Errorf("%+v is not who it is", id)
		}
	}
}

func TestAncestors(t *testing.T) {
	t.Parallel()
	found := Ancestors()
	if len(found) == 0 || found[0] != os.Getppid() || slices.Contains(found, os.Getpid()) || slices.Contains(found, 0) {
		t.Errorf("%v", found)
	}
}

// TestSecure: a set-uid program does not believe its environment, and can't even read its own auxiliary vector.
func TestSecure(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		testproc.Skip(t, "needs root, to make a set-uid program", "secure")
	}
	const noSetuid = 2 // ST_NOSUID of statvfs(3)
	var fs syscall.Statfs_t
	if err := syscall.Statfs(t.TempDir(), &fs); err != nil || fs.Flags&noSetuid != 0 {
		testproc.Skip(t, fmt.Sprintf("the folder for tests is on a filesystem without set-uid programs (%v)", err), "secure")
	}
	testproc.Start(t, "secure").Wait().CheckLines(t, "secure: false")
	const become = `cp "$0" copy && chown 65534 copy && chmod 4755 copy && exec ./copy`
	testproc.Spec{Victim: "secure", Wrap: []string{"sh", "-c", become}}.Start(t).Wait().CheckLines(t, "secure: true")
}

func TestHost(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{
		"3d1219c7c4c5404aaa1f6d2a48adfda4":  true,
		"uninitialized":                     false,
		"":                                  false,
		"3d1219c7c4c5404aaa1f6d2a48adfda":   false,
		"3d1219c7c4c5404aaa1f6d2a48adfda4a": false,
		"xd1219c7c4c5404aaa1f6d2a48adfda4":  false,
		strings.Repeat("0", 32):             false,
		strings.Repeat("f", 32):             false,
	} {
		if isMachineID(id) != want {
			t.Errorf("%q: want %v", id, want)
		}
	}
	if HostID() == "" || BootID() == "" || Namespace() == 0 {
		t.Errorf("host %q, boot %q, namespace %d", HostID(), BootID(), Namespace())
	}
	if !strings.HasPrefix(byHostname(), "hostname:") {
		t.Error(byHostname())
	}
}

func FuzzStat(f *testing.F) {
	f.Add("1 (a) S 1")
	f.Add("1 (a ) R 1 (b) Z " + strings.Repeat("1 ", 49))
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		if err := os.WriteFile(dir+"/stat", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if fields, err := readStat(dir); err == nil {
			_ = ended(fields)
		}
	})
}
