package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lastly-go/lastly/cmd/lastly/internal/control"
)

// A Finding is what doctor says of one thing. Names stay; new ones may be added.
type Finding struct {
	Name    string `json:"name"`
	Level   Level  `json:"level"`
	Found   string `json:"found"`             // what is so
	Means   string `json:"means"`             // the consequence
	Advice  string `json:"advice,omitempty"`  // what to do, unless all is well
	Version string `json:"version,omitempty"` // of the kernel that has it
}

// A Level says how bad it is.
type Level string

// The levels.
const (
	Good Level = "ok"
	Note Level = "note" // something is weaker than it could be
	Bad  Level = "bad"  // what is registered may not be undone
)

func doctorCommand(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor [--json]",
		Short: "Say what this machine can do, and what follows from it",
		Long: `Say what this machine can do, for this user and in this place (a container has less), what follows from it, and what can be
done about it. It makes a file in the folder of journals to try locks, and removes it.

` + exitCodes + `
  doctor returns 1 if something is bad: what is registered may not be undone`,
		Example: `  docker run --rm -v state:/var/lib/lastly image lastly doctor`,
		Args:    exactly("no words", 0),
		RunE: func(*cobra.Command, []string) error {
			all := append(examine(), place()...)
			if asJSON {
				e := json.NewEncoder(a.out)
				e.SetIndent("", "  ")
				if err := e.Encode(all); err != nil {
					return err
				}
			} else {
				a.tellFindings(all)
			}
			for _, f := range all {
				if f.Level == Bad {
					return &failure{code: codeFailed}
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "for programs")
	return cmd
}

func (a *app) tellFindings(all []Finding) {
	p := colours(a.rawOut)
	for _, f := range all {
		colour := map[Level]string{Good: green, Note: yellow, Bad: red}[f.Level]
		_, _ = fmt.Fprintf(a.out, "%s  %-14s %s\n", p.in(colour, fmt.Sprintf("%-4s", f.Level)), f.Name, clean(f.Found))
		_, _ = fmt.Fprintf(a.out, "%22s%s\n", "", clean(f.Means))
		if f.Advice != "" {
			_, _ = fmt.Fprintf(a.out, "%22s%s\n", "", p.in(bold, "-> "+clean(f.Advice)))
		}
	}
}

// place is what the environment says.
func place() []Finding {
	var all []Finding
	if os.Getenv("LASTLY_GUARD") == "off" {
		all = append(all, Finding{
			Name: "guard", Level: Note, Found: "LASTLY_GUARD=off", Means: "nobody settles at once when a program is killed; its next start does, or a sweep",
			Advice: "unset LASTLY_GUARD",
		})
	}
	if os.Getpid() == 1 {
		all = append(all, Finding{
			Name: "process 1", Level: Note, Found: "this is process 1 of its PID namespace", Means: "when process 1 ends, a guard ends with it: the next start settles",
			Advice: "keep the folder of journals on a volume",
		})
	}
	return append(all, inside())
}

// inside says whether this is inside of a run.
func inside() Finding {
	f := Finding{Name: "run", Level: Good}
	path := os.Getenv(control.RunVariable)
	if path == "" {
		f.Found, f.Means = "not inside of a run", "`lastly add` needs --owner here; `lastly run -- CMD` starts a run"
		return f
	}
	c, err := control.Dial(path)
	if err == nil {
		defer func() { _ = c.Close() }()
		var answer control.Answer
		if answer, err = c.Do(control.Request{Op: control.OpPing}); err == nil {
			f.Found, f.Means = fmt.Sprintf("inside of the run of process %d", answer.Pid), "`lastly add` registers with it"
			return f
		}
	}
	text, advice, _ := strings.Cut(err.Error(), "; ")
	return Finding{Name: "run", Level: Bad, Found: text, Means: "`lastly add` fails here", Advice: advice}
}
