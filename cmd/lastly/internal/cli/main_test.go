package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/cmd/lastly/internal/cli"
	"github.com/lastly-go/lastly/cmd/lastly/internal/control"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/testproc"
)

func TestMain(m *testing.M) {
	durable.Init()
	os.Exit(testproc.OwnFolder(func() int {
		return testproc.Main(m, testproc.Victims{"owner": owner, "run": serve, "command": command, "slow": slow})
	}))
}

// A seat is the payload of a kind that only this program has.
type seat struct{ Secret string }

var seats = durable.Define("seat", func(context.Context, seat) error { return nil })

// owner registers what its words say, and lives until it is killed.
func owner(args []string) {
	for _, arg := range args {
		kind, what, _ := strings.Cut(arg, " ")
		if err := registerAs(kind, what); err != nil {
			panic(err)
		}
	}
	lastly.Main(func(ctx context.Context) error {
		testproc.Say("ready")
		<-ctx.Done()
		return nil
	})
}

func registerAs(kind, what string) (err error) {
	s, h := lastly.Process(), lastly.Hook{Name: "a " + kind}
	switch kind {
	case "remove":
		_, err = durable.Remove.Register(s, durable.Path{Path: what}, h)
	case "exec":
		_, err = durable.Exec.Register(s, durable.Command{Args: []string{"/bin/sh", "-c", what}}, h)
	case "http":
		_, err = durable.HTTP.Register(s, durable.Request{Method: "DELETE", URL: what}, h)
	case "kill":
		var pid int
		if pid, err = strconv.Atoi(what); err == nil {
			_, err = durable.Kill.Register(s, durable.Process{Pid: pid}, h)
		}
	case "seat":
		_, err = seats.Register(s, seat{what}, h)
	}
	return err
}

// serve is a run, without a command.
func serve([]string) {
	lastly.Main(func(ctx context.Context) error {
		v, err := control.Serve(lastly.Process(), "", control.Options{})
		if err != nil {
			return err
		}
		testproc.Say("ready at %s", v.Path())
		<-ctx.Done()
		return nil
	})
}

// A machine is a folder of journals of one test.
type machine struct {
	t   *testing.T
	dir string
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LASTLY_DIR", dir)
	t.Setenv("LASTLY_RUN", "")
	t.Setenv("LASTLY_GUARD", "off")
	return &machine{t, dir}
}

// owner starts one that registers these, each a kind and what it is about.
func (m *machine) owner(what ...string) *testproc.Proc {
	m.t.Helper()
	p := testproc.Start(m.t, "owner", what...)
	p.WaitLine("ready")
	return p
}

// dead is owner, killed.
func (m *machine) dead(what ...string) {
	m.t.Helper()
	p := m.owner(what...)
	p.Signal(os.Kill)
	p.Wait().Check(m.t, "signal killed")
}

// inside starts a run, and makes this process one that is inside of it. The returned function ends the run.
func (m *machine) inside() (end func()) {
	m.t.Helper()
	p := testproc.Start(m.t, "run")
	var socket string
	testproc.Poll(m.t, "the run", func() bool {
		_, err := fmt.Sscanf(p.Output(), "ready at %s\n", &socket)
		return err == nil
	})
	m.t.Setenv("LASTLY_RUN", socket)
	return func() {
		m.t.Helper()
		p.Signal(syscall.SIGTERM)
		p.Wait().Check(m.t, "exit 0")
	}
}

// A result is what a command line did.
type result struct {
	t        *testing.T
	args     string
	code     int
	out, err string
}

func run(t *testing.T, args ...string) result {
	t.Helper()
	return runIn(t, "", args...)
}

func runIn(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	code := cli.Main(args, strings.NewReader(stdin), &out, &errs)
	return result{t, strings.Join(args, " "), code, out.String(), errs.String()}
}

// check checks the exit code, and that an error comes with a text on stderr and success with none there.
func (r result) check(code int) result {
	r.t.Helper()
	if r.code != code {
		r.t.Fatalf("lastly %s: exit code %d, want %d\nstdout: %s\nstderr: %s", r.args, r.code, code, r.out, r.err)
	}
	return r
}

// has checks that a stream has texts; lacks, that it does not.
func (r result) has(stream string, texts ...string) result {
	r.t.Helper()
	for _, text := range texts {
		if !strings.Contains(stream, text) {
			r.t.Errorf("lastly %s: %q is missing\nstdout: %s\nstderr: %s", r.args, text, r.out, r.err)
		}
	}
	return r
}

func (r result) lacks(stream string, texts ...string) result {
	r.t.Helper()
	for _, text := range texts {
		if strings.Contains(stream, text) {
			r.t.Errorf("lastly %s: %q is there\nstdout: %s\nstderr: %s", r.args, text, r.out, r.err)
		}
	}
	return r
}

// first is the first word of the line that has a text.
func (r result) first(text string) string {
	r.t.Helper()
	for line := range strings.Lines(r.out) {
		if strings.Contains(line, text) {
			return strings.Fields(line)[0]
		}
	}
	r.t.Fatalf("lastly %s: no line has %q: %s", r.args, text, r.out)
	return ""
}

func file(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func gone(path string) bool {
	_, err := os.Lstat(path)
	return os.IsNotExist(err)
}
