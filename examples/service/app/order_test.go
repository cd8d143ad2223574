package app

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/lastly-go/lastly"
)

// TestEverybodyIsToldAndEndsInOrder: nowhere in the service is an order written down but in the names in its hooks.
func TestEverybodyIsToldAndEndsInOrder(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv("GORACE", "atexit_sleep_ms=0")
	o := options{dir: t.TempDir(), addr: "127.0.0.1:0"}
	var scope lastly.Scope
	url := startService(t, &scope, o)

	socket, _, err := websocket.Dial(t.Context(), url+"/feed", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer socket.CloseNow()
	events, err := http.Get(url + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer events.Body.Close()
	closed := make(chan error, 1)
	go func() { closed <- scope.Close() }()
	if _, _, err := socket.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("the WebSocket ended with %v, want the close frame 1001", err)
	}
	if text, err := io.ReadAll(events.Body); err != nil || !strings.Contains(string(text), "event: end\n") {
		t.Errorf("the events ended with %q, %v; want the event end", text, err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}

	report := scope.Report()
	for _, pair := range [][2]string{
		{"api address", "api"},
		{"api", "batch"},
		{"api", "convert"},
		{"api", "upload"},
		{"batch", "store"},
		{"convert", "upload"},
		{"store", "log"},
		{"upload", "log"},
		{"api", "telemetry"},
		{"log", "instance"},
		{"ops", "instance"},
		{"store", "ops"},
		{"api", "ops"},
	} {
		first, then := hook(t, report, pair[0]), hook(t, report, pair[1])
		if first.Start+first.Duration > then.Start {
			t.Errorf("%s ended at %v, after %s began at %v", first.Name, first.Start+first.Duration, then.Name, then.Start)
		}
	}
	if note := hook(t, report, "api").Note; !strings.Contains(note, "drained 2, cut 0") {
		t.Errorf("the report says of the server %q, want both watchers drained", note)
	}
}

// hook finds the one hook of that name, which ran.
func hook(t *testing.T, r lastly.Report, name string) (found lastly.HookReport) {
	t.Helper()
	n := 0
	for _, h := range r.Hooks {
		if h.Name == name {
			found = h
			n++
		}
	}
	if n != 1 || found.Outcome != lastly.OutcomeOK {
		t.Errorf("%d hooks are called %s, outcome %s; want one, ok", n, name, found.Outcome)
	}
	return found
}

// TestDatabaseThatIsNotThereEndsTheService: by the startup gate, which says why.
func TestDatabaseThatIsNotThereEndsTheService(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv(DatabaseEnv, "postgres://127.0.0.1:1/rows")
	o, err := parse([]string{"-dir", t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	var scope lastly.Scope
	log := openLog(t, &scope, o)
	_ = start(&scope, o, log, newEnding(nil)) // the answer, no, may come before it is done
	<-scope.Context().Done()
	if err := scope.Close(); err == nil || !strings.Contains(err.Error(), "gate database") || !strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("Close: %v, want an error that names the gate and the host", err)
	}
	if got := names(t, o.dir); !slices.Equal(got, []string{LockFile, LogFile, UploadFolder}) {
		t.Errorf("left in the folder: %q", got)
	}
}
