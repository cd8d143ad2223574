package testproc

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) { os.Exit(Main(m, victims, sysVictims)) }

var victims = Victims{
	"echo": func(args []string) {
		Say("%s", strings.Join(args, " "))
		fmt.Fprintln(os.Stderr, "to stderr")
		_, still := os.LookupEnv(victimVariable)
		Say("variable: %v, GORACE: %q", still, os.Getenv("GORACE"))
	},
	"exit": func([]string) { os.Exit(3) },
	"hang": func([]string) {
		Say("hangs")
		<-time.After(time.Hour)
	},
}

func TestVictim(t *testing.T) {
	t.Parallel()
	r := Start(t, "echo", "hello", "world").Wait()
	r.Check(t, "exit 0")
	r.CheckLines(t, "hello world", `variable: false, GORACE: "atexit_sleep_ms=0"`)
	r.CheckErr(t, "to stderr")
	if n := r.Count("hello world"); n != 1 {
		t.Errorf("Count = %d, want 1", n)
	}
	Start(t, "exit").Wait().Check(t, "exit 3")
}

func TestUnknownVictim(t *testing.T) {
	t.Parallel()
	r := Start(t, "nobody").Wait()
	r.Check(t, "exit 2")
	r.CheckErr(t, `there is no victim "nobody"`)
}

// recorder is a test that may fail.
type recorder struct {
	*testing.T
	failures []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	panic(r)
}

// record calls f and returns how it failed.
func record(t *testing.T, f func(testing.TB)) (failures []string) {
	r := &recorder{T: t}
	defer func() {
		if v := recover(); v != nil && v != r {
			panic(v)
		}
		failures = r.failures
	}()
	f(r)
	return r.failures
}

func TestChecksFail(t *testing.T) {
	t.Parallel()
	r := Start(t, "echo", "one").Wait()
	for name, check := range map[string]func(testing.TB){
		"Check":       func(t testing.TB) { r.Check(t, "exit 1") },
		"CheckLines":  func(t testing.TB) { r.CheckLines(t, "one", "one") },
		"CheckNoLine": func(t testing.TB) { r.CheckNoLine(t, "one") },
		"CheckErr":    func(t testing.TB) { r.CheckErr(t, "to stderr", "to nobody") },
		"WaitLine":    func(t testing.TB) { Start(t, "echo").WaitLine("two") },
	} {
		if failures := record(t, check); len(failures) != 1 {
			t.Errorf("%s: failures %q, want one", name, failures)
		}
	}
	if failures := record(t, func(t testing.TB) { r.CheckNoLine(t, "on"); r.CheckLines(t) }); len(failures) > 0 {
		t.Errorf("failures: %q, want none", failures)
	}
}

func TestWaitKills(t *testing.T) {
	t.Parallel()
	var p *Proc
	failures := record(t, func(t testing.TB) {
		p = Spec{Victim: "hang", Limit: 300 * time.Millisecond}.Start(t)
		p.Wait()
	})
	if len(failures) != 1 || !strings.Contains(failures[0], "lived longer than 300ms and was killed") {
		t.Errorf("failures: %q", failures)
	}
	if !p.Gone() {
		t.Error("it lives")
	}
}

func TestKilledWhenTheTestEnds(t *testing.T) {
	t.Parallel()
	var p *Proc
	t.Run("test", func(t *testing.T) {
		p = Start(t, "hang")
		p.WaitLine("hangs")
	})
	if !p.Gone() {
		t.Error("it lives")
	}
}

func TestUnused(t *testing.T) {
	all := Victims{"never started": func([]string) {}, "skipped": func([]string) {}}
	t.Run("skips", func(t *testing.T) { Skip(t, "to see that a skipped victim counts as used", "skipped") })
	if got, want := unusedOf(all), []string{"never started"}; !slices.Equal(got, want) {
		t.Errorf("unused: %q, want %q", got, want)
	}
}

// suite stands for testing.M.
type suite int

func (s suite) Run() int { return int(s) }

func TestMainCode(t *testing.T) {
	whole := 0
	if wholeSuite() {
		whole = 1
	}
	nop := func([]string) {}
	for _, c := range []struct {
		name    string
		code    int
		victims []Victims
		want    int
	}{
		{"passed", 0, nil, 0},
		{"failed", 7, []Victims{{"unused": nop}}, 7},
		{"unused", 0, []Victims{{"unused": nop}}, whole},
		{"twice", 0, []Victims{{"a": nop}, {"a": nop}}, 2},
		{"nil", 0, []Victims{{"a": nil}}, 2},
	} {
		if got := Main(suite(c.code), c.victims...); got != c.want {
			t.Errorf("%s: code %d, want %d", c.name, got, c.want)
		}
	}
}
