package cli

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs the sessions of testdata/script. What they start bears a rig's mark, so that nothing of it can stay.
func TestScripts(t *testing.T) {
	needPrograms(t)
	t.Parallel()
	folder := filepath.Dir(lastly(t))
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE") != "",
		Setup: func(env *testscript.Env) error {
			r := &rig{mark: markVariable + "=" + env.WorkDir}
			env.Values["rig"] = r
			env.Setenv("PATH", folder+string(os.PathListSeparator)+os.Getenv("PATH"))
			env.Setenv("LASTLY_DIR", filepath.Join(env.WorkDir, "journals"))
			env.Setenv(markVariable, env.WorkDir)
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("LC_ALL", "C")
			env.Defer(func() { r.killAll() })
			for name, value := range namespaces() {
				env.Setenv(name, value)
			}
			env.Setenv("THEM", "setpriv --reuid=65534 --regid=65534 --clear-groups --")
			return errors.Join(os.Chmod(filepath.Dir(env.WorkDir), 0o711), os.Chmod(folder, 0o711)) // THEM can come in
		},
		Condition: func(cond string) (bool, error) {
			switch variable := map[string]string{"mounts": "MOUNTS", "pidns": "PIDNS"}[cond]; {
			case variable != "":
				return namespaces()[variable] != "", nil
			case cond == "root":
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("no such condition: %s", cond)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"waitfile":    waitFile,
			"nothingleft": nothingLeft,
		},
	})
}

// namespaces are the commands before a command that give it a namespace of its own; none where that is not allowed.
var namespaces = sync.OnceValue(func() map[string]string {
	all := map[string]string{"MOUNTS": "unshare --mount", "PIDNS": "unshare --pid --fork --mount-proc --kill-child", "NSENTER": "--pid --mount"}
	if os.Geteuid() != 0 {
		all = map[string]string{
			"MOUNTS": all["MOUNTS"] + " --map-root-user", "PIDNS": all["PIDNS"] + " --map-root-user",
			"NSENTER": all["NSENTER"] + " --user --preserve-credentials",
		}
	}
	for _, name := range []string{"MOUNTS", "PIDNS"} {
		words := append(strings.Fields(all[name]), "true")
		if exec.Command(words[0], words[1:]...).Run() != nil {
			delete(all, name)
		}
	}
	return all
})

// waitFile waits until files exist, or with ! until they don't.
func waitFile(ts *testscript.TestScript, neg bool, args []string) {
	for _, file := range args {
		if !inTime(func() bool {
			_, err := os.Lstat(ts.MkAbs(file))
			return (err == nil) != neg
		}) {
			ts.Fatalf("%s: waited %v", file, limit)
		}
	}
}

// nothingLeft waits until no process of the script lives. A moment is right: of what the script has killed, somebody else cleans up.
func nothingLeft(ts *testscript.TestScript, neg bool, args []string) {
	r := ts.Value("rig").(*rig)
	if neg || len(args) > 0 {
		ts.Fatalf("usage: nothingleft")
	}
	if !inTime(func() bool { return len(r.alive()) == 0 }) {
		ts.Fatalf("still there: %q", names(r.alive()))
	}
}

// TestScriptsAreThere wants a session for every subcommand.
func TestScriptsAreThere(t *testing.T) {
	t.Parallel()
	for _, command := range []string{
		"run", "add", "cancel", "settle", "list", "sweep", "retry", "forget", "watch", "report", "doctor", "completion", "man", "version",
	} {
		found, _ := filepath.Glob(filepath.Join("testdata", "script", command+"*.txtar"))
		if len(found) == 0 {
			t.Errorf("testdata/script has no session that begins with %s", command)
		}
	}
}

func inTime(ok func() bool) bool {
	return within(limit, 5*time.Millisecond, ok)
}
