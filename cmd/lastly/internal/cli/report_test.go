package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lastly-go/lastly/durable"
)

const exitJSON = `{"scope":"process","state":"closed","cause":"lastly: received signal: terminated","exit_code":1,"duration_ns":100000000,
"holding_ns":0,"grace_ns":25000000000,"hooks":[
{"id":1,"kind":"hook","name":"database","site":"x.go:1","outcome":"ok","start_ns":50000000,"duration_ns":50000000,"critical":true},
{"id":2,"kind":"hook","name":"cache\u001b[31m","site":"x.go:2","outcome":"failed","start_ns":0,"duration_ns":10000000,"error":"no connection"},
{"id":3,"kind":"scope","name":"requests","site":"x.go:3","outcome":"ok","start_ns":0,"duration_ns":50000000,"critical":true,
 "scope":{"scope":"requests","state":"closed","duration_ns":50000000,"hooks":[{"id":1,"name":"inner","outcome":"timed out","start_ns":10000000,"duration_ns":40000000}]}}
]}`

// TestReport draws an exit: bars where things ran, notes for what failed, nothing that disturbs a terminal.
func TestReport(t *testing.T) {
	want := []string{
		`scope "process" closed in 100ms, because of: lastly: received signal: terminated, exit code 1`,
		"database       ok          |                             ##############################|      50ms",
		`cache\x1b[31m  failed      |=====                                                      |      10ms`,
		"no connection",
		"inner        timed out   |     ========================                              |      40ms",
	}
	path := filepath.Join(t.TempDir(), "exit.json")
	if err := os.WriteFile(path, []byte(exitJSON), 0o600); err != nil {
		t.Fatal(err)
	}
	r := run(t, "report", path).check(0)
	r.has(r.out, want...).lacks(r.out, "\x1b")
	if piped := runIn(t, exitJSON, "report", "-").check(0); piped.out != r.out {
		t.Errorf("from stdin it is %q", piped.out)
	}
}

// TestReportGuard draws what a guard reported: the last one when no file is named.
func TestReportGuard(t *testing.T) {
	m := newMachine(t)
	text, err := json.Marshal(durable.Report{
		Began: time.Now(), Duration: time.Millisecond,
		Journals: []durable.JournalReport{{
			Path: "x", Command: "prog", Pid: 42, State: durable.Orphan, Died: "signal killed", Crash: "panic: boom\n\tmain.go:1",
			Records: []durable.RecordReport{{ID: "a-1", Kind: "remove", Name: "folder", Outcome: durable.Settled, Duration: time.Millisecond}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(m.dir, "reports")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"1.json", "2.json"} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := run(t, "report").check(0)
	r.has(r.out, "1 settled", "prog (process 42) died: signal killed", "remove folder", "settled", "panic: boom")
	r = run(t, "report", "--list").check(0)
	if got := strings.Fields(r.out); len(got) != 2 || filepath.Base(got[1]) != "2.json" {
		t.Errorf("the list is %q", r.out)
	}
}

// TestReportStrange: what is no report is refused, and says how to make one.
func TestReportStrange(t *testing.T) {
	for _, text := range []string{"", "{}", "[]", `{"hooks":1}`, `{"journals":{}}`, "\x00"} {
		r := runIn(t, text, "report", "-").check(1)
		r.has(r.err, "lastly run --report FILE")
	}
	runIn(t, `{"hooks":[],"duration_ns":-5}`, "report", "-").check(0)
	runIn(t, `{"hooks":[{"name":"x","start_ns":99,"duration_ns":-9}],"duration_ns":5}`, "report", "-").check(0)
}
