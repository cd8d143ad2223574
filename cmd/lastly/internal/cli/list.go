package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lastly-go/lastly/durable"
)

func listCommand(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list [--json]",
		Short: "Show who has registered what on this machine, alive or gone",
		Long: `Show the processes of this user that have registered something, alive or gone, and their records: what each is about,
where it was registered, how often undoing it was tried, and dead letters (those that failed every attempt).

It takes no lock and changes nothing. Secrets are not shown, nor what other programs' own kinds are about.
The first column has ids, as cancel, settle, retry and forget take them; a part of an id will do if it names one. On a
terminal they are shortened to what tells them apart.

` + exitCodes,
		Example: `  lastly list
  lastly list --json | jq -r '.owners[] | select(.state == "orphan") | .records[].id'`,
		Args: exactly("no words", 0),
		RunE: func(*cobra.Command, []string) error {
			all, err := owners()
			if err != nil {
				return fmt.Errorf("list: %w", err)
			}
			if asJSON {
				return a.listJSON(all)
			}
			writeOwners(a.out, all, a.digits(all), time.Now(), colours(a.rawOut))
			a.hint(all)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "all that is known, for programs; durations in nanoseconds")
	return cmd
}

// listJSON writes the stable form, owner by owner.
func (a *app) listJSON(all []Owner) error {
	dir, err := folder()
	if err != nil {
		return err
	}
	name, _ := json.Marshal(dir)
	_, _ = fmt.Fprintf(a.out, "{\"folder\":%s,\"owners\":[", name)
	e := json.NewEncoder(a.out)
	for i := range all {
		if i > 0 {
			_, _ = a.out.WriteString(",")
		}
		if err := e.Encode(&all[i]); err != nil {
			return err
		}
	}
	_, err = a.out.WriteString("]}\n")
	return err
}

// hint says what can be done about what is left.
func (a *app) hint(all []Owner) {
	left := 0
	for i := range all {
		if all[i].State == durable.Orphan {
			left++
		}
	}
	if left > 0 && isTerminal(a.err) {
		_ = a.out.Flush()
		_, _ = fmt.Fprintf(a.err, "%s gone: `lastly sweep` settles what they left\n", count(left, "owner is", "owners are"))
	}
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// words are what people read for a state.
func word(s durable.State) string {
	if s == durable.Orphan {
		return "gone"
	}
	return string(s)
}

// writeOwners writes a line for each owner, and one for each record under it.
func writeOwners(w io.Writer, all []Owner, digits int, now time.Time, p paint) {
	if len(all) == 0 {
		return
	}
	_, _ = fmt.Fprintf(w, "%s\n", p.in(dim, fmt.Sprintf("%-*s  %-9s %8s  %-20s %5s  %s", digits, "OWNER", "STATE", "PROCESS", "PROGRAM", "AGE", "RECORDS")))
	var line []byte
	for i := range all {
		o := &all[i]
		_, _ = fmt.Fprintf(w, "%-*s  %s %8d  %-20s %5s  %s\n", digits, part(o.ID, digits), p.state(o.State), o.Pid,
			clean(o.Command), age(o.Created, now), o.summary())
		for _, d := range o.Damaged {
			_, _ = fmt.Fprintf(w, "  %s\n", p.in(yellow, "damaged: "+clean(d)))
		}
		for k := range o.Records {
			line = o.Records[k].appendLine(line[:0], digits, now, p)
			_, _ = w.Write(line)
		}
	}
}

func part(id string, digits int) string {
	if len(id) > digits {
		return id[:digits]
	}
	if id == "" {
		return "?"
	}
	return id
}

func (p paint) state(s durable.State) string {
	text := fmt.Sprintf("%-9s", word(s))
	switch s {
	case durable.Alive:
		return p.in(green, text)
	case durable.Unusable:
		return p.in(red, text)
	}
	return p.in(yellow, text)
}

// summary counts an owner's records, and says why it is in its state.
func (o *Owner) summary() string {
	dead := 0
	for i := range o.Records {
		if o.Records[i].DeadLetter {
			dead++
		}
	}
	text := strconv.Itoa(len(o.Records))
	if dead > 0 {
		text += ", " + count(dead, "dead letter", "dead letters")
	}
	if o.Run != "" {
		text += ", a run"
	}
	if o.Why != "" {
		text += ": " + clean(o.Why)
	}
	return text
}

// ownPath is in the places of registration of what this command registered itself: they tell nobody anything.
const ownPath = "/cmd/lastly/internal/"

// appendLine is made for a hundred thousand of them.
func (r *Record) appendLine(b []byte, digits int, now time.Time, p paint) []byte {
	from := len(b)
	b = append(b, "  "...)
	b = append(b, part(r.ID, digits)...)
	b = append(b, '-')
	b = strconv.AppendUint(b, r.number, 10)
	b = pad(b, from, digits+8)
	b = append(b, r.Kind...)
	b = pad(b, from, digits+16)
	b = append(b, clean(r.title())...)
	if r.Site != "" && !strings.Contains(r.Site, ownPath) {
		b = append(b, "  "...)
		b = append(b, p.in(dim, clean(r.Site))...)
	}
	if r.DeadLetter || r.Attempts > 0 {
		b = append(b, "  "...)
		b = append(b, p.in(red, r.trouble(now))...)
	}
	return append(b, '\n')
}

func pad(b []byte, from, column int) []byte {
	b = append(b, ' ')
	for len(b)-from < column {
		b = append(b, ' ')
	}
	return b
}

// title is the record's name, and what it is about.
func (r *Record) title() string {
	switch {
	case r.Name == "":
		return r.What
	case r.Name == r.Kind+" "+r.What: // as a run names what bears no name
		return r.What
	case r.What == "" || strings.HasSuffix(r.Name, r.What):
		return r.Name
	}
	return r.Name + ": " + r.What
}

// trouble is what became of the attempts so far.
func (r *Record) trouble(now time.Time) string {
	text := count(r.Attempts, "attempt", "attempts") + " " + age(r.Tried, now) + " ago"
	if r.DeadLetter {
		text = "dead letter, " + text
	}
	if r.LastError != "" {
		text += ": " + clean(r.LastError)
	}
	return text
}
