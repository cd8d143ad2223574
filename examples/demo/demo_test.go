package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/examples/matrix"
	"github.com/lastly-go/lastly/examples/service/app"
)

// The service that is ended is the demo's own program, which is this test binary here.
func TestMain(m *testing.M) {
	if app.IsRole() {
		app.Main()
	}
	if matrix.IsRole() {
		matrix.Main()
	}
	os.Exit(m.Run())
}

// few requests make a test of the demo fast, also under the race detector.
var few = warmth{rows: 30, images: 3, inFlight: 2}

// demo runs the demo as its main does, and returns its exit code and what it printed.
func demo(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	temp, err := os.MkdirTemp("", "demo-") // not t.TempDir, whose names are too long for sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(temp) })
	t.Setenv("TMPDIR", temp)
	t.Setenv("GORACE", "atexit_sleep_ms=0")
	o, err := parse(args, nil)
	if err != nil {
		t.Fatal(err)
	}
	o.warmth = few
	var out bytes.Buffer
	code = lastly.Program{Stderr: log}.Run(t.Context(), func(ctx context.Context) error {
		return run(ctx, o, &out, log)
	})
	if left, err := os.ReadDir(temp); err != nil || len(left) != 0 {
		t.Errorf("the demo left in its temp folder: %v, %v", left, err)
	}
	text, err := os.ReadFile(log.Name())
	if err != nil {
		t.Fatal(err)
	}
	return code, out.String(), string(text)
}

func TestDeathsWithLastlyAreClean(t *testing.T) {
	code, stdout, stderr := demo(t, "-json", "-contrast=false", "-matrix=false", "-deaths", "exit,sigterm,second-signal,sigkill")
	t.Log(stderr)
	var got results
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatalf("%v in %s", err, stdout)
	}
	if code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	if len(got.Rows) != 4 || got.Contrast == nil || len(got.Contrast) != 0 {
		t.Fatalf("want four rows and an empty contrast: %s", stdout)
	}
	for _, r := range got.Rows {
		if !r.Clean || r.Left == nil || r.ByNature == nil || r.Requests < few.rows || r.InFlight < few.inFlight || r.Watchers != socketClients+streamClients {
			t.Errorf("%+v", r)
		}
		if r.Death == "sigkill" {
			continue // what it takes from the living is a matter of luck
		}
		if r.Rows != r.Requests || r.Told != r.Watchers || len(r.ByNature) != 0 {
			t.Errorf("%+v", r)
		}
	}
}

func TestContrastIsNotCountedButSeesTheDirt(t *testing.T) {
	code, stdout, stderr := demo(t, "-json", "-matrix=false", "-deaths", "exit,sigkill")
	t.Log(stderr)
	var got results
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatalf("%v in %s", err, stdout)
	}
	if code != 0 || len(got.Contrast) != 2 {
		t.Fatalf("exit code %d, want 0 and two rows for contrast: %s", code, stdout)
	}
	r := got.Contrast[0]
	if r.Clean || r.Exit != "3" || r.RowsLost != 0 {
		t.Errorf("%+v", r)
	}
	left := strings.Join(r.Left, ", ")
	for _, want := range []string{"temp folder", "child process", "address file", "db -wal", "db -shm", "log cut off"} {
		if !strings.Contains(left, want) {
			t.Errorf("os.Exit in a handler left %q, and no %s", left, want)
		}
	}
	// What SIGKILL takes by nature is no dirt; what a guard would have taken away is.
	r = got.Contrast[1]
	left = strings.Join(r.Left, ", ")
	if r.Clean || r.Exit != "SIGKILL" || !strings.Contains(left, "child process") || strings.Contains(left, leftLog) || !slices.Contains(r.ByNature, leftWAL) {
		t.Errorf("%+v", r)
	}
}

// TestMatrixIsTheSecondTable also has a death that the first table has not.
func TestMatrixIsTheSecondTable(t *testing.T) {
	if len(matrix.Deaths()) == 0 {
		t.Skip(matrix.ErrUnsupported)
	}
	code, stdout, stderr := demo(t, "-json", "-contrast=false", "-deaths", "sigkill-group")
	t.Log(stderr)
	var got results
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatalf("%v in %s", err, stdout)
	}
	if code != 0 || len(got.Rows) != 0 || got.Matrix == nil || len(got.Matrix.Rows) != 1 {
		t.Fatalf("exit code %d, want 0 and one row of the matrix: %s", code, stdout)
	}
	if r := got.Matrix.Rows[0]; r.Death != "sigkill-group" || !r.Clean || len(r.Cells) != len(matrix.Resources()) {
		t.Errorf("%+v", r)
	}
}

func TestParse(t *testing.T) {
	for _, test := range []struct {
		args, want string // want is in the error; "" means none
	}{
		{"", ""},
		{"--json -deaths sigint,return -contrast=false", ""},
		{"-deaths starvation", `"starvation" is no death; choose from return, error`},
		{"-deaths=", `"" is no death`},
		{"-nosuch", "-nosuch"},
		{"-json=perhaps", "perhaps"},
		{"more", `unexpected argument "more"`},
	} {
		_, err := parse(strings.Fields(test.args), nil)
		if test.want == "" && err != nil {
			t.Errorf("parse(%q): %v", test.args, err)
		}
		if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("parse(%q): %v, want an error with %q", test.args, err, test.want)
		}
	}

	o, err := parse([]string{"-deaths", "sigint,return", "--json"}, nil)
	if err != nil || len(o.deaths) != 2 || o.deaths[0].name != "sigint" || !o.json || !o.contrast || !o.second {
		t.Errorf("parse: %+v, %v", o, err)
	}
	if o, err = parse([]string{"-matrix=false"}, nil); err != nil || len(o.deaths) != len(deaths()) || len(o.matrix) != 0 {
		t.Errorf("parse: %+v, %v", o, err)
	}
	if o, err = parse(nil, nil); err != nil || len(o.matrix) != len(matrix.Deaths()) {
		t.Errorf("parse: %+v, %v", o, err)
	}
	var help strings.Builder
	if _, err := parse([]string{"--help"}, &help); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-help: %v, want flag.ErrHelp", err)
	}
	for _, d := range deaths() {
		if !strings.Contains(help.String(), d.name) {
			t.Errorf("-help does not name the death %s", d.name)
		}
	}
}

func TestJudge(t *testing.T) {
	good := row{Exit: "0", WantExit: "0", Watchers: 2, Told: 2}
	for name, test := range map[string]struct {
		change func(*row)
		want   bool
	}{
		"nothing":           {func(*row) {}, true},
		"something left":    {func(r *row) { r.Left = []string{"child process"} }, false},
		"a request lost":    {func(r *row) { r.Lost = 1 }, false},
		"a watcher cut":     {func(r *row) { r.Told = 1 }, false},
		"outright":          {func(r *row) { r.outright, r.Told, r.Lost, r.ByNature = true, 0, 3, byNature }, true},
		"outright, a row":   {func(r *row) { r.outright, r.RowsLost = true, 1 }, false},
		"a row lost":        {func(r *row) { r.RowsLost = 1 }, false},
		"wrong exit":        {func(r *row) { r.Exit = "1" }, false},
		"any exit will do":  {func(r *row) { r.Exit, r.WantExit = "1", "" }, true},
		"hung is never one": {func(r *row) { r.Exit, r.WantExit = hung, "" }, false},
	} {
		r := good
		test.change(&r)
		if r.judge(); r.Clean != test.want {
			t.Errorf("%s: clean is %v, want %v", name, r.Clean, test.want)
		}
	}
}
