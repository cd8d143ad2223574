package app

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/examples/service/internal/ownjournal"
	"github.com/lastly-go/lastly/examples/service/logfile"
	"github.com/lastly-go/lastly/examples/service/store"
)

// The service starts its own program as the converter, which is this test binary here.
func TestMain(m *testing.M) {
	if IsRole() {
		Main()
	}
	os.Exit(ownjournal.Main(m))
}

func TestParse(t *testing.T) {
	for _, test := range []struct {
		args string
		want string // in the error; "" means none
	}{
		{"-dir d", ""},
		{"-dir d -wiring defers -addr :80 -collector http://c -endings", ""},
		{"", "-dir is missing"},
		{"-dir d -wiring tape", `-wiring "tape"`},
		{"-dir d more", `unexpected argument "more"`},
	} {
		o, err := parse(strings.Fields(test.args))
		if test.want == "" && (err != nil || o.dir != "d") {
			t.Errorf("parse(%q) = %+v, %v", test.args, o, err)
		}
		if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("parse(%q): %v, want an error with %q", test.args, err, test.want)
		}
	}
}

// TestDatabase: the environment chooses, and only it.
func TestDatabase(t *testing.T) {
	for url, want := range map[string]store.Source{
		"":                     {File: filepath.Join("d", DatabaseFile)},
		"postgres://host/rows": {URL: "postgres://host/rows", File: filepath.Join("d", DatabaseFile)},
	} {
		t.Setenv(DatabaseEnv, url)
		o, err := parse([]string{"-dir", "d"})
		if got := o.database(); err != nil || got != want {
			t.Errorf("with %s=%q the rows are in %+v, %v; want %+v", DatabaseEnv, url, got, err, want)
		}
	}
}

func TestServiceOnAScope(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("GORACE", "atexit_sleep_ms=0") // for the converter
	o := options{dir: t.TempDir(), addr: "127.0.0.1:0", endings: true}
	var scope lastly.Scope
	url := startService(t, &scope, o)

	resp, err := http.Post(url+"/rows/7", "text/plain", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		t.Errorf("POST /rows/7: %s, want 201", resp.Status)
	}
	if err := scope.Close(); err != nil {
		t.Fatal(err)
	}

	for dir, want := range map[string][]string{temp: nil, o.dir: {DatabaseFile, LockFile, LogFile, UploadFolder}} {
		if got := names(t, dir); !slices.Equal(got, want) {
			t.Errorf("left in %s: %q, want %q", dir, got, want)
		}
	}
	if ended, err := logfile.Ended(o.path(LogFile)); err != nil || !ended {
		t.Errorf("log ended: %v, %v; want true", ended, err)
	}
	db, err := store.Open(o.database())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if ids, err := db.IDs(t.Context()); err != nil || !slices.Equal(ids, []string{"7"}) {
		t.Errorf("rows %q, %v; want 7", ids, err)
	}
}

// startService starts the service on scope and returns its URL.
func startService(t *testing.T, scope *lastly.Scope, o options) (url string) {
	t.Helper()
	log := openLog(t, scope, o)
	if err := start(scope, o, log, newEnding(nil)); err != nil {
		t.Fatal(errors.Join(err, scope.Close()))
	}
	if err := scope.Check(); err != nil {
		t.Errorf("Check: %v", err)
	}
	addr, err := os.ReadFile(o.path(AddressFile))
	if err != nil {
		t.Fatal(err)
	}
	url = "http://" + strings.TrimSpace(string(addr))
	waitReady(t, url)
	return url
}

func openLog(t *testing.T, scope *lastly.Scope, o options) *logfile.Log {
	t.Helper()
	log, err := open(scope, o)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// waitReady waits for the startup gates.
func waitReady(t *testing.T, url string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		resp, err := http.Get(url + "/ready")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("not ready: %s", resp.Status)
		}
	}
}

func TestStartFailsAndLeavesNothing(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("GORACE", "atexit_sleep_ms=0")
	o := options{dir: t.TempDir(), addr: "no address"}
	var scope lastly.Scope
	log := openLog(t, &scope, o)
	if err := start(&scope, o, log, newEnding(nil)); err == nil {
		t.Error("no error for an address that is none")
	}
	if err := scope.Close(); err != nil {
		t.Error(err)
	}
	if got := names(t, temp); len(got) != 0 {
		t.Errorf("left in the temp folder: %q", got)
	}
}

func TestEndingByHTTP(t *testing.T) {
	for _, how := range []string{EndReturn, EndError} {
		e := newEnding(nil)
		if status := tell(e, how); status != http.StatusAccepted {
			t.Errorf("%s: status %d, want 202", how, status)
		}
		want := map[string]error{EndReturn: nil, EndError: errTold}[how]
		if err := e.wait(t.Context(), nil); !errors.Is(err, want) {
			t.Errorf("%s: run returns %v, want %v", how, err, want)
		}
	}

	e := newEnding(nil)
	tell(e, EndPanic)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("run did not panic")
			}
		}()
		_ = e.wait(t.Context(), nil)
	}()

	code := -1
	e = newEnding(func(c int) { code = c })
	tell(e, EndExit)
	if code != ExitCode {
		t.Errorf("exit code %d, want %d", code, ExitCode)
	}
	if status := tell(e, "otherwise"); status != http.StatusNotFound {
		t.Errorf("an unknown death: status %d, want 404", status)
	}
}

func tell(e *ending, how string) (status int) {
	r := httptest.NewRequest(http.MethodPost, "/end/"+how, nil)
	r.SetPathValue("how", how)
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w.Code
}

func TestEndingByOthers(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := newEnding(nil).wait(ctx, nil); err != nil {
		t.Errorf("asked by a signal, run returns %v, want nil", err)
	}
	broken := errors.New("broken")
	failed := make(chan error, 1)
	failed <- broken
	if err := newEnding(nil).wait(t.Context(), failed); !errors.Is(err, broken) {
		t.Errorf("after the server failed, run returns %v, want %v", err, broken)
	}
}

func names(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		names = append(names, filepath.Base(entry.Name()))
	}
	return names
}
