package lastly_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lastly-go/lastly/internal/testproc"
)

// TestExitCodes is conformance 25 and 26.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"alone", "under Main"} {
		for _, code := range []int{0, 1, 2, 3, 54, 32} {
			t.Run(fmt.Sprint(how, " ", code), func(t *testing.T) {
				t.Parallel()
				r := testproc.Start(t, "exit-code", how, strconv.Itoa(code)).Wait()
				r.Check(t, fmt.Sprint("exit ", code))
				r.CheckLines(t, fmt.Sprint("hook sees ", code))
			})
		}
	}
}

// TestExitMany is conformance 28: the first decides, and a later non-zero replaces only 0.
func TestExitMany(t *testing.T) {
	t.Parallel()
	crowd := make([]string, 64)
	for i := range crowd {
		crowd[i] = strconv.Itoa(i + 100)
	}
	for _, c := range []struct {
		words []string
		ends  string
	}{
		{[]string{"3", "then", "4"}, "exit 3"},
		{[]string{"0", "then", "4"}, "exit 4"},
		{[]string{"0", "then", "4", "then", "5"}, "exit 4"},
		{[]string{"3", "then", "0"}, "exit 3"},
		{[]string{"0", "then", "0"}, "exit 0"},
		{append([]string{"7", "then"}, crowd...), "exit 7"},
		{append([]string{"0", "then", "7", "then"}, crowd...), "exit 7"},
		{crowd, "any of them"},
	} {
		t.Run(fmt.Sprintf("%.40v", c.words), func(t *testing.T) {
			t.Parallel()
			r := testproc.Start(t, "exit-many", append([]string{"under Main"}, c.words...)...).Wait()
			if len(c.words) == len(crowd) {
				if code, _ := strconv.Atoi(strings.TrimPrefix(r.Ended, "exit ")); code < 100 || code > 163 {
					t.Errorf("ended with %q, which none of the crowd asked for", r.Ended)
				}
			} else {
				r.Check(t, c.ends)
			}
			exits := len(c.words) - strings.Count(strings.Join(c.words, " "), "then")
			r.CheckLines(t, fmt.Sprint("deferred calls: ", exits))
			r.CheckNoLine(t, "Exit returned")
			if n := r.Count("hook"); n != 1 {
				t.Errorf("the hook ran %d times\n%v", n, r)
			}
		})
	}
	t.Run("alone", func(t *testing.T) {
		t.Parallel()
		r := testproc.Start(t, "exit-many", append([]string{"alone"}, crowd...)...).Wait()
		if code, _ := strconv.Atoi(strings.TrimPrefix(r.Ended, "exit ")); code < 100 || code > 163 {
			t.Errorf("ended with %q, which none of the crowd asked for", r.Ended)
		}
		r.CheckNoLine(t, "Exit returned")
		if n := r.Count("hook"); n != 1 {
			t.Errorf("the hook ran %d times\n%v", n, r)
		}
	})
}

// TestExitBesideMain races Exit against the beginning of Main.
func TestExitBesideMain(t *testing.T) {
	t.Parallel()
	for i := range 30 {
		after := time.Duration(i) * 200 * time.Nanosecond
		t.Run(after.String(), func(t *testing.T) {
			t.Parallel()
			r := testproc.Start(t, "exit-beside-main", after.String()).Wait()
			r.Check(t, "exit 3")
			r.CheckLines(t, "hook one")
			if r.Count("run was started") > 0 && r.Err != "" {
				t.Errorf("both Main and an Exit without Main end the process\n%v", r)
			}
		})
	}
}

func TestExitAlone(t *testing.T) {
	t.Parallel()
	for from, lines := range map[string][]string{
		"a goroutine":             {"hook one"},
		"a Go":                    {"hook one"},
		"a hook of another scope": {"hook one"},
		"a hook of a child":       {"hook two", "hook one"},
		"a hook, in the flow":     {"hook two", "hook one"},
		"a hook, after 0":         {"hook two", "hook one"},
		"a failing flow":          {"hook two", "hook one"},
		"a goroutine of a hook":   {"hook one"},
		"main, after Program.Run": {"hook one", "hook two, after 5"},
		"Main, after Program.Run": {"hook one", "hook two, after 5"},
	} {
		t.Run(from, func(t *testing.T) {
			t.Parallel()
			r := testproc.Start(t, "exit-alone-from", from).Wait()
			r.Check(t, "exit 3")
			r.CheckLines(t, lines...)
			r.CheckNoLine(t, "Exit returned")
			if from == "a failing flow" {
				r.CheckErr(t, "lastly: hook \"fails first\" (", "): own error\nlastly: hook \"fails\" (", "): own error\n")
			} else if r.Err != "" {
				t.Errorf("stderr: %s", r.Err)
			}
		})
	}
}

func TestExitUnderMain(t *testing.T) {
	t.Parallel()
	for in, lines := range map[string][]string{
		"a deferred call":            {"deferred", "hook one"},
		"a deferred call, panicking": {"deferred", "hook one"}, // Goexit takes the panic with it, as os.Exit would
		"a function with Rollback":   {"deferred", "hook two", "hook one"},
		"a hook, in Rollback":        {"hook two", "deferred", "hook one"},
		"a hook of a child":          {"deferred", "hook two", "hook one"},
		"a hook that run closes":     {"hook two", "deferred", "hook one"},
		"a late hook":                {"deferred", "hook two", "hook one"},
		"a Go, when it is stopped":   {"deferred", "hook one"},
		"every hook":                 {"deferred", "hook one"},
		"OnExit":                     {"deferred", "hook one"},
	} {
		t.Run(in, func(t *testing.T) {
			t.Parallel()
			r := testproc.Start(t, "exit-under-main-in", in).Wait()
			r.Check(t, "exit 3")
			r.CheckLines(t, lines...)
			if strings.Contains(r.Err, "hook ") {
				t.Errorf("a hook that exits is no failure:\n%v", r)
			}
		})
	}
}
