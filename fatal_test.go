package lastly_test

import (
	"regexp"
	"testing"

	"github.com/lastly-go/lastly/internal/testproc"
)

// TestFatal looks at what log.Print would have written.
func TestFatal(t *testing.T) {
	t.Parallel()
	for form, want := range map[string]string{
		"":  `seven 7 8 ninefile does not exist`,
		"f": `7 of nine`,
	} {
		for _, how := range []string{"alone", "under Main"} {
			t.Run(how+" "+form, func(t *testing.T) {
				t.Parallel()
				r := testproc.Start(t, "fatal-message", how, form).Wait()
				r.Check(t, "exit 1")
				r.CheckLines(t, "hook one")
				if !regexp.MustCompile(`^prefix: exit_victims_test.go:\d+: ` + want + "\n$").MatchString(r.Err) {
					t.Errorf("stderr: %q, want the line of log.Print, with the call's site and %q", r.Err, want)
				}
			})
		}
	}
	for _, how := range []string{"blocked", "panics"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			r := testproc.Start(t, "fatal-message", how, "").Wait()
			r.Check(t, "exit 1")
			r.CheckLines(t, "hook one")
		})
	}
}

// TestSecondMain is conformance 73: the second is refused, and does not take the first one's cleanups with it.
func TestSecondMain(t *testing.T) {
	t.Parallel()
	r := testproc.Start(t, "second-main").Wait()
	r.Check(t, "exit 2")
	r.CheckErr(t, "lastly: ", "another Main or Program.Run is running")
	r.CheckNoLine(t, "the second was started")
	r.CheckLines(t, "Exit at exit_victims_test.go", "hook one")
}

func TestBadMain(t *testing.T) {
	t.Parallel()
	r := testproc.Start(t, "bad-main").Wait()
	r.Check(t, "exit 2")
	r.CheckErr(t, "lastly: Main: ", "Grace is negative")
	r.CheckLines(t, "Exit at exit_victims_test.go", "hook one") // what was there already is undone
	r.CheckNoLine(t, "run was started")
}
