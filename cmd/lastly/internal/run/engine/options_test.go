package engine

import (
	"slices"
	"strings"
	"testing"
)

func TestMillis(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Millis{
		"0": 0, "5": 5000, "0.5": 500, "5s": 5000, "90s": 90_000, "1m30s": 90_000, "1.5m": 90_000, "250ms": 250, "2h": 7_200_000, "1d": 86_400_000, ".5": 500,
		"0.0001": 1, "0.5ms": 1, "1.1": 1100, "0.3": 300, "10000d": 864_000_000_000,
	} {
		if got, bad := ParseMillis(text); got != want || bad != "" {
			t.Errorf("%q: %d, %q, want %d", text, got, bad, want)
		}
	}
	for _, text := range []string{"2000000000", "30000d", "99999999999999999999", "1" + strings.Repeat("0", 400) + "s"} { // as nanoseconds, they would be less than nothing
		if got, bad := ParseMillis(text); bad == "" {
			t.Errorf("%.20q: %d", text, got)
		}
	}
	for _, text := range []string{"", "s", "-1", "-1s", "1x", "1s2", "soon", "1e3", "inf", "NaN", "0x10", "1h-1m", "1 s", "..", "1ss"} {
		if got, bad := ParseMillis(text); bad == "" {
			t.Errorf("%q: %d", text, got)
		}
	}
	if got := Millis(1500).String(); got != "1.5s" {
		t.Error(got)
	}
}

func TestSignalNumber(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"TERM": 15, "SIGTERM": 15, "sigterm": 15, "15": 15, "0": 0, "64": 64, "RTMIN+1": 35, "": -1, "65": -1, "-1": -1, "TERMINATE": -1, "RTMIN+99": -1, "SIG": -1,
		"RTMIN": 34, "RTMAX": 64, "RTMAX-1": 63, "RTMAX-31": -1, "RTMIN-1": -1, "RTMIN+-1": -1, "RT": -1, "SIGIOT": 6, "CLD": 17, "POLL": 29,
	} {
		if got := signalNumber(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	o, err := Parse([]string{"--temp", "-t", "1m", "--remove", "a", "--on-exit=b c", "--remove=--", "--lock", "l", "--signal-rewrite", "TERM:QUIT", "--signal-rewrite", "1:0", "--", "--x", "-y"})
	if err != nil {
		t.Fatal(err)
	}
	hooks := []Hook{{Remove, "a"}, {OnExit, "b c"}, {Remove, "--"}}
	if !o.Temp || o.Timeout != 60_000 || o.Grace != DefaultGrace || !slices.Equal(o.Hooks, hooks) || !slices.Equal(o.Lock, []string{"l"}) ||
		o.Rewrite[15] != 3 || o.Drop != 1 || !slices.Equal(o.Command, []string{"--x", "-y"}) || o.Plain() {
		t.Errorf("%+v", o)
	}
	for _, plain := range []string{"true", "-q true", "--let-go -v -- true", "--timeout 1 --grace 1 true", "--signal-rewrite 1:2 true"} {
		if o, err := Parse(strings.Fields(plain)); err != nil || !o.Plain() {
			t.Errorf("%s: %v", plain, err)
		}
	}
	o, err = Parse([]string{"--ok-status", "143", "--ok-status=3", "--group", "true"})
	for status := range 256 {
		if o.IsOK(status) != (status == 143 || status == 3) {
			t.Errorf("--ok-status: %d: %v", status, o.IsOK(status))
		}
	}
	if err != nil || !o.Group || !o.Plain() {
		t.Errorf("%+v: %v", o, err)
	}
	for _, bad := range []string{
		"--ok-status 256 true", "--ok-status -1 true", "--ok-status x true", "--remove -- true", "--timeout -- true", "--signal-rewrite KILL:TERM true",
		"--report= true", "--lock= true", "--config= true", "--remove= true", "--on-exit= true",
	} {
		if _, err := Parse(strings.Fields(bad)); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
	if _, err := Parse([]string{"--nothing"}); err == nil {
		t.Error("--nothing is a flag")
	}
}
