package durable_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/journal"
)

// freshNames counts: each kind of a process needs its own name, also with -count=2.
var freshNames atomic.Int64

func fresh(name string) string { return fmt.Sprintf("%s %d", name, freshNames.Add(1)) }

// decoded are the payloads that kinds of this file were settled with, by test.
var decoded struct {
	mu   sync.Mutex
	seen map[string]string
}

// strictKind defines a kind that notes what it gets.
func strictKind[P any](name string) string {
	durable.Define("strict "+name, func(_ context.Context, p P) error {
		decoded.mu.Lock()
		defer decoded.mu.Unlock()
		if decoded.seen == nil {
			decoded.seen = make(map[string]string)
		}
		decoded.seen[name] = fmt.Sprintf("%+v", p)
		return nil
	})
	return program + ":strict " + name
}

type (
	seat struct {
		Name  string
		Count int
	}
	seatWithMore struct {
		Name  string
		Count int
		Row   string
	}
	optionalSeat struct {
		Name string
		Row  string         `json:",omitempty"`
		Tags []string       `json:",omitempty"`
		Deep *optionalSeat  `json:",omitempty"`
		Map  map[string]int `json:",omitempty"`
	}
	anySeat  struct{ Value any }
	timeSeat struct {
		At  time.Time
		For time.Duration
		Raw json.RawMessage
		B   []byte
	}
	bigSeat   struct{ Number int64 }
	floatSeat struct{ Number float64 }
	embedding struct {
		seat
		Own bool
	}
)

var strictCases = []struct {
	name, kind string
	text       string
	want       string // what settle got; "" is a failed attempt
}{
	{"same", strictKind[seat]("same"), `{"Name":"a","Count":3}`, "{Name:a Count:3}"},
	{"reordered", strictKind[seat]("reordered"), `{"Count":3,"Name":"a"}`, "{Name:a Count:3}"},
	{"spaces", strictKind[seat]("spaces"), " { \"Count\" : 3 , \"Name\" : \"\\u0061\" } ", "{Name:a Count:3}"},
	{"unknown field", strictKind[seat]("unknown field"), `{"Name":"a","Count":3,"Row":"x"}`, ""},
	{"missing field", strictKind[seatWithMore]("missing field"), `{"Name":"a","Count":3}`, ""},
	{"renamed field", strictKind[seat]("renamed field"), `{"Title":"a","Count":3}`, ""},
	{"other case", strictKind[seat]("other case"), `{"name":"a","count":3}`, ""},
	{"twice, differently", strictKind[seat]("twice, differently"), `{"Name":"a","name":"b","Count":3}`, ""},
	{"other type", strictKind[seat]("other type"), `{"Name":"a","Count":"3"}`, ""},
	{"fraction", strictKind[seat]("fraction"), `{"Name":"a","Count":3.5}`, ""},
	{"null", strictKind[seat]("null"), `null`, ""},
	{"null field", strictKind[seat]("null field"), `{"Name":null,"Count":3}`, ""},
	{"empty", strictKind[seat]("empty"), ``, ""},
	{"empty object", strictKind[seat]("empty object"), `{}`, ""},
	{"two values", strictKind[seat]("two values"), `{"Name":"a","Count":3}{}`, ""},
	{"garbage behind", strictKind[seat]("garbage behind"), `{"Name":"a","Count":3}]`, ""},
	{"cut", strictKind[seat]("cut"), `{"Name":"a","Cou`, ""},
	{"omitempty", strictKind[optionalSeat]("omitempty"), `{"Name":"a"}`, "{Name:a Row: Tags:[] Deep:<nil> Map:map[]}"},
	{"deep unknown", strictKind[optionalSeat]("deep unknown"), `{"Name":"a","Deep":{"Name":"b","X":1}}`, ""},
	{"deep missing", strictKind[optionalSeat]("deep missing"), `{"Name":"a","Deep":{}}`, ""},
	{"any", strictKind[anySeat]("any"), `{"Value":"text"}`, "{Value:text}"},
	{"big number in any", strictKind[anySeat]("big number in any"), `{"Value":9007199254740993}`, ""},
	{"big number", strictKind[bigSeat]("big number"), `{"Number":9007199254740993}`, "{Number:9007199254740993}"},
	{"became a float", strictKind[floatSeat]("became a float"), `{"Number":9007199254740993}`, ""},
	{"number's form", strictKind[floatSeat]("number's form"), `{"Number":1.50e1}`, "{Number:15}"},
	{"great exponent", strictKind[floatSeat]("great exponent"), `{"Number":1e999999999}`, ""},
	{"small exponent", strictKind[floatSeat]("small exponent"), `{"Number":1e-999999999}`, ""},
	{"bad text", strictKind[string]("bad text"), "\"a\xff\"", ""},
	{"number", strictKind[int]("number"), `17`, "17"},
	{"text", strictKind[string]("text"), `"a"`, "a"},
	{"list", strictKind[[]seat]("list"), `[{"Name":"a","Count":3}]`, "[{Name:a Count:3}]"},
	{"nil list", strictKind[[]seat]("nil list"), `null`, "[]"},
	{"pointer", strictKind[*bigSeat]("pointer"), `null`, "<nil>"},
	{"embedded", strictKind[embedding]("embedded"), `{"Name":"a","Count":3,"Own":true}`, "{seat:{Name:a Count:3} Own:true}"},
	{"deep", strictKind[any]("deep"), strings.Repeat("[", 20000) + strings.Repeat("]", 20000), ""},
}

// TestStrictDecode: a payload that another version of the program wrote is a failed attempt, never an empty payload.
func TestStrictDecode(t *testing.T) {
	t.Parallel()
	s := newState(t)
	var records []journal.Record
	for _, c := range strictCases {
		records = append(records, journal.Record{Kind: c.kind, Name: c.name, Payload: []byte(c.text)})
	}
	s.orphan(gone(), records...)
	r := s.recover(durable.Options{})
	for i, c := range strictCases {
		rec, got := r.Journals[0].Records[i], decoded.seen[c.name]
		want := durable.Settled
		if c.want == "" {
			want = durable.Failed
		}
		if rec.Name != c.name || rec.Outcome != want || got != c.want {
			t.Errorf("%s: %s is %s (%v), settled with %q; want %s with %q", c.name, c.text[:min(60, len(c.text))], rec.Outcome, rec.Err, got, want, c.want)
		}
	}
}

func TestPayloadsSurvive(t *testing.T) {
	t.Parallel()
	s := newState(t)
	at := timeSeat{At: time.Now(), For: time.Hour, Raw: json.RawMessage(`{"b":1,"a":[2]}`), B: []byte{0, 255}}
	name := strictKind[timeSeat](fresh("times"))
	s.orphan(gone(), journal.Record{Kind: name, Payload: inJSON(t, at)})
	checkCount(t, s.recover(durable.Options{}), 1, durable.Settled)
	if len(s.files()) > 0 {
		t.Errorf("left are %q of %d", s.files(), os.Getpid())
	}
}

// TestDefineRefuses types that would come back from JSON with something missing.
func TestDefineRefuses(t *testing.T) {
	for what, define := range map[string]func(string){
		"unexported field": refused[struct{ a int }],
		"deep":             refused[map[string][]*struct{ a int }],
		"tagged": refused[struct {
			A int `json:"-"`
		}],
		"function":       refused[func()],
		"channel":        refused[struct{ C chan int }],
		"interface":      refused[struct{ Err error }],
		"embedded":       refused[struct{ *testing.T }],
		"recursive":      refused[recursive],
		"complex number": refused[complex128],
		"unsafe.Pointer": refused[uintptrs],
		"a file":         refused[os.File],
	} {
		if text := panics(func() { define(fresh(what)) }); !strings.HasPrefix(text, "lastly: durable.Define: ") {
			t.Errorf("%s: %q", what, text)
		}
	}
	for what, define := range map[string]func(string){
		"a time":    refused[time.Time],
		"raw":       refused[json.RawMessage],
		"recursive": refused[optionalSeat],
		"embedded":  refused[embedding],
		"any":       refused[any],
	} {
		if text := panics(func() { define(fresh(what)) }); text != "" {
			t.Errorf("%s: %q", what, text)
		}
	}
}

type (
	recursive struct {
		Next *recursive
		A    int `json:"-"`
	}
	uintptrs struct{ P unsafe.Pointer }
	number   int
)

func refused[P any](name string) {
	durable.Define(name, func(context.Context, P) error { return nil })
}

// TestDefineRefusesEmbedded: JSON leaves out an embedded type that is neither exported nor a struct, and can't fill a nil
// pointer to one that is not exported.
func TestDefineRefusesEmbedded(t *testing.T) {
	for what, define := range map[string]func(string){
		"scalar":    refused[struct{ number }],
		"pointer":   refused[struct{ *seat }],
		"ambiguous": refused[ambiguous],
	} {
		if text := panics(func() { define(fresh(what)) }); !strings.HasPrefix(text, "lastly: durable.Define: ") {
			t.Errorf("%s: %q", what, text)
		}
	}
}

type ambiguous struct {
	seat
	seatWithMore
}

func TestInvalidUTF8(t *testing.T) {
	t.Parallel()
	s := &lastly.Scope{}
	_, err := noteKind.Register(s, note{Line: "a\xff"}, lastly.Hook{Name: "no UTF-8"})
	if !errors.Is(err, durable.ErrPayload) {
		t.Errorf("the error is %v", err)
	}
	checkNamed(t, "no UTF-8", 0)
}
