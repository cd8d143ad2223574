package durable_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/journal"
)

// ownJournal reads the journal of this process: the records that are live.
func ownJournal(t testing.TB) []journal.Record {
	t.Helper()
	var records []journal.Record
	own := &state{t: t, dir: os.Getenv("LASTLY_DIR")}
	for _, path := range own.journals() {
		owner, content, err := journal.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		if owner.Pid != os.Getpid() {
			continue
		}
		for i := range content.Entries {
			records = append(records, content.Entries[i].Record)
		}
	}
	return records
}

// named are those of the live records that have a name.
func named(t testing.TB, name string) []journal.Record {
	t.Helper()
	var found []journal.Record
	for _, r := range ownJournal(t) {
		if r.Name == name {
			found = append(found, r)
		}
	}
	return found
}

// checkNamed checks how many live records have a name.
func checkNamed(t testing.TB, name string, want int) {
	t.Helper()
	if got := len(named(t, name)); got != want {
		t.Errorf("%d records %q are in the journal, want %d", got, name, want)
	}
}

func panics(f func()) (text string) {
	defer func() {
		if v := recover(); v != nil {
			text, _ = v.(string)
			if text == "" {
				text = "panic without a text"
			}
		}
	}()
	f()
	return ""
}

func TestDefinePanics(t *testing.T) {
	settle := func(context.Context, int) error { return nil }
	for what, f := range map[string]func(){
		"no name":       func() { durable.Define("", settle) },
		"a colon":       func() { durable.Define("a:b", settle) },
		"only a colon":  func() { durable.Define(":", settle) },
		"no settle":     func() { durable.Define[int]("nil settle", nil) },
		"twice":         func() { durable.Define("note", settle) },
		"another again": func() { durable.Define("twice", settle); durable.Define("twice", settle) },
	} {
		if text := panics(f); !strings.HasPrefix(text, "lastly: durable.Define: ") {
			t.Errorf("%s: the panic is %q", what, text)
		}
	}
}

// A Go kind is qualified by its program, so that no built-in kind is in its way.
var _ = durable.Define("remove", func(context.Context, int) error { return nil })

func TestKindIsQualified(t *testing.T) {
	s := &lastly.Scope{}
	r := mustNote(s, note{}, lastly.Hook{Name: "qualified"})
	defer r.Cancel()
	records := named(t, "qualified")
	if len(records) != 1 || records[0].Kind != "github.com/lastly-go/lastly:note" {
		t.Fatalf("the records are %+v", records)
	}
	if site := records[0].Site; !strings.Contains(site, "main_test.go:") {
		t.Errorf("its place of registration is %q", site)
	}
}

func TestTooBig(t *testing.T) {
	t.Parallel()
	s := &lastly.Scope{}
	fits := strings.Repeat("x", durable.MaxPayload-len(`{"Log":"","Line":""}`))
	r, err := noteKind.Register(s, note{Line: fits}, lastly.Hook{Name: "big", Run: nothing})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []func() error{
		func() error {
			_, err := noteKind.Register(s, note{Line: fits + "x"}, lastly.Hook{Name: "too big"})
			return err
		},
		func() error { return r.Update(note{Line: fits + "x"}) },
	} {
		if err := f(); !errors.Is(err, durable.ErrTooBig) || !strings.Contains(err.Error(), `kind "github.com/lastly-go/lastly:note"`) {
			t.Errorf("the error is %v", err)
		}
	}
	checkNamed(t, "too big", 0)
	if records := named(t, "big"); len(records) != 1 || len(records[0].Payload) != durable.MaxPayload {
		t.Error("a failed Update changed the record")
	}
	if hooks := s.Report().Hooks; len(hooks) != 1 {
		t.Errorf("registered are %v, want one", hooks)
	}
	fatal(t, s.Close())
	checkNamed(t, "big", 0)
}

// TestRecordTooBig: also what is not the payload has to fit.
func TestRecordTooBig(t *testing.T) {
	t.Parallel()
	s := &lastly.Scope{}
	if _, err := noteKind.Register(s, note{}, lastly.Hook{Name: strings.Repeat("n", journal.MaxRecord), Run: nothing}); err == nil {
		t.Error("there is room for a name without end")
	}
	if hooks := s.Report().Hooks; len(hooks) != 0 {
		t.Errorf("registered is %v", hooks)
	}
}

// A mute has no JSON form.
type mute struct{}

func (mute) MarshalJSON() ([]byte, error) { return nil, errors.New("says nothing") }

func (*mute) UnmarshalJSON([]byte) error { return nil }

var muteKind = durable.Define("mute", func(context.Context, mute) error { return nil })

func TestPayloadWithoutJSON(t *testing.T) {
	t.Parallel()
	s := &lastly.Scope{}
	_, err := muteKind.Register(s, mute{}, lastly.Hook{Name: "mute"})
	if err == nil || !strings.Contains(err.Error(), "has no JSON form") {
		t.Errorf("the error is %v", err)
	}
	checkNamed(t, "mute", 0)
	fatal(t, s.Close())
}

// A oneWay has a JSON form, and no way back.
type oneWay struct{ name string }

func (o oneWay) MarshalJSON() ([]byte, error) { return []byte(`"` + o.name + `"`), nil }

var (
	oneWayKind = durable.Define("one way", func(context.Context, oneWay) error { return nil })
	anyKind    = durable.Define("anything", func(context.Context, map[string]any) error { return nil })
)

// TestPayloadThatDoesNotComeBack is refused when it is registered, not when it is settled.
func TestPayloadThatDoesNotComeBack(t *testing.T) {
	t.Parallel()
	s := &lastly.Scope{}
	_, err := oneWayKind.Register(s, oneWay{"a"}, lastly.Hook{})
	checkDoesNotFit(t, err)
	_, err = anyKind.Register(s, map[string]any{"id": uint64(1)<<60 + 1}, lastly.Hook{})
	checkDoesNotFit(t, err)
	r, err := anyKind.Register(s, map[string]any{"id": 17, "names": []string{"a"}}, lastly.Hook{Run: nothing})
	fatal(t, err)
	checkDoesNotFit(t, r.Update(map[string]any{"id": uint64(1)<<60 + 1}))
	fatal(t, r.Update(map[string]any{"id": "1152921504606846977"}))
	if hooks := s.Report().Hooks; len(hooks) != 1 {
		t.Errorf("registered are %v, want one", hooks)
	}
	fatal(t, s.Close())
}

func checkDoesNotFit(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, durable.ErrPayload) || !strings.Contains(err.Error(), "nobody could settle it") {
		t.Errorf("the error is %v", err)
	}
}

// TestRegisterPanicsCleanly: what package lastly refuses with a panic must not be in the journal.
func TestRegisterPanicsCleanly(t *testing.T) {
	t.Parallel()
	s := &lastly.Scope{}
	if panics(func() { mustNote(s, note{}, lastly.Hook{Name: "negative", Timeout: -1}) }) == "" {
		t.Error("a negative Timeout is taken")
	}
	checkNamed(t, "negative", 0)
	if text := panics(func() { _, _ = new(durable.Kind[int]).Register(s, 1, lastly.Hook{Name: "no kind", Run: nothing}) }); !strings.Contains(text, "not made by Define") {
		t.Errorf("a Kind that nobody defined: %q", text)
	}
	checkNamed(t, "no kind", 0)
}

func nothing(context.Context) error { return nil }

func fatal(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
