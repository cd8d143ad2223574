package cli_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/lastly-go/lastly/cmd/lastly/internal/cli"
)

// TestDoctor: each finding has a consequence; what is not well has advice. It leaves nothing behind.
func TestDoctor(t *testing.T) {
	m := newMachine(t)
	r := run(t, "doctor", "--json")
	var all []cli.Finding
	if err := json.Unmarshal([]byte(r.out), &all); err != nil {
		t.Fatal(err)
	}
	names := make(map[string]cli.Finding)
	for _, f := range all {
		names[f.Name] = f
		if f.Found == "" || f.Means == "" || f.Level != cli.Good && f.Advice == "" {
			t.Errorf("%+v", f)
		}
	}
	for _, name := range []string{"folder", "flock", "pidfd", "openat2", "file handles", "cgroup.kill", "subreaper", "filesystem", "yama", "seccomp", "guard", "run"} {
		if _, ok := names[name]; !ok {
			t.Errorf("%s is missing", name)
		}
	}
	if names["guard"].Level != cli.Note { // newMachine switches it off
		t.Errorf("%+v", names["guard"])
	}
	if entries, _ := os.ReadDir(m.dir); len(entries) > 0 {
		t.Errorf("it left %v", entries)
	}
	defer m.inside()()
	r = run(t, "doctor")
	r.has(r.out, "inside of the run of process")
	t.Setenv("LASTLY_RUN", m.dir+"/nobody.sock")
	r = run(t, "doctor").check(1)
	r.has(r.out, "the run is gone")
}
