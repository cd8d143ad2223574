package servers

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/testproc"
)

// patience is how long a server may take to end by itself: PostgreSQL writes everything to the disk first, which others may be using.
const patience = 30 * time.Second

// A daemon is a server of others, for one test.
type daemon struct {
	cmd  *exec.Cmd
	log  string // the file with what it wrote
	done chan struct{}
}

// startDaemon starts a server, which the signal stop asks to end when the test does. If the tests are killed, their guard
// ends it. The mark is for the moment until its number is known; later it may be no more there to find, because some servers
// write their title over their environment (redis does).
func startDaemon(t *testing.T, cmd *exec.Cmd, stop os.Signal) *daemon {
	t.Helper()
	scope := &lastly.Scope{Name: t.Name()}
	mark := durable.NewMark()
	d := &daemon{cmd: cmd, log: filepath.Join(t.TempDir(), "server.log"), done: make(chan struct{})}
	rec, err := durable.Kill.Register(scope, durable.Process{Mark: mark, Grace: patience}, lastly.Hook{Name: filepath.Base(cmd.Path)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := scope.Close(); err != nil {
			t.Error(err)
		}
	})
	log, err := os.Create(d.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Env = durable.WithMark(cmd.Environ(), mark)
	cmd.Stdout, cmd.Stderr = log, log
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Setpgid = true // a Ctrl-C is for the tests, which then end it
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := rec.Update(durable.Process{Mark: mark, Pid: cmd.Process.Pid, Grace: patience}); err != nil {
		t.Error(err)
	}
	go func() { // ends with the server
		_ = cmd.Wait()
		close(d.done)
	}()
	t.Cleanup(func() { d.end(t, stop) })
	return d
}

// end ends the server, and shows what it wrote if the test failed.
func (d *daemon) end(t *testing.T, stop os.Signal) {
	_ = d.cmd.Process.Signal(stop)
	select {
	case <-d.done:
	case <-time.After(patience):
		t.Errorf("%s did not end %v after the signal %v", d.cmd.Path, patience, stop)
		_ = d.cmd.Process.Kill()
		<-d.done
	}
	if text, err := os.ReadFile(d.log); t.Failed() && err == nil {
		t.Logf("%s wrote:\n%s", d.cmd.Path, text[max(0, len(text)-4000):])
	}
}

// ready waits until the server answers.
func (d *daemon) ready(t *testing.T, answers func() bool) {
	t.Helper()
	testproc.Poll(t, filepath.Base(d.cmd.Path)+" to answer", func() bool {
		select {
		case <-d.done:
			text, _ := os.ReadFile(d.log)
			t.Fatalf("%s ended at once:\n%s", d.cmd.Path, text)
		default:
		}
		return answers()
	})
}
