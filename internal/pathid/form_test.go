package pathid

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestParse: what is written is read without encoding/json, and whatever else is read is what that would have written.
func TestParse(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	write(t, filepath.Join(dir, "file"))
	for _, path := range []string{dir, filepath.Join(dir, "file"), filepath.Join(dir, NewName("x")), filepath.Join(dir, "absent")} {
		id, err := Capture(path)
		must(t, err)
		id.Boot = "00000000-0000-4000-8000-000000000000"
		text, err := json.Marshal(id)
		must(t, err)
		read, ok := parse(string(text))
		if !ok || !reflect.DeepEqual(read, id) {
			t.Errorf("%s: %v, %+v", text, ok, read)
		}
	}
}

const sample = `{"v":1,"path":"/a/b","kind":"existing","leaf":":1:AA","dirs":["e.1:1:AA",":2:AA"],"uid":0,"boot":"a-b"}`

// TestParseRefuses what has another form: encoding/json is asked about that.
func TestParseRefuses(t *testing.T) {
	t.Parallel()
	if id, ok := parse(sample); !ok || len(id.Dirs) != 2 {
		t.Fatalf("%v, %+v", ok, id)
	}
	for _, change := range [][2]string{
		{`"v":1`, `"v":01`},
		{`"v":1`, `"v":-0`},
		{`"v":1`, `"v":`},
		{`"v":1`, `"v":1.0`},
		{`"v":1`, `"v":2147483648`},
		{`"v":1,`, ``},
		{`"v"`, `"V"`},
		{`/a/b`, `/a/\u0062`},
		{`/a/b`, "/a/\xff"},
		{`/a/b`, "/a/\u00e9"},
		{`/a/b`, "/a/\n"},
		{`/a/b`, `/a/<`},
		{`/a/b`, `base64:L2E_`},
		{`"/a/b"`, `"/a/b`},
		{`"/a/b"`, `null`},
		{`":1:AA"`, `""`},
		{`"a-b"`, `""`},
		{`["e.1:1:AA",":2:AA"]`, `[]`},
		{`,":2:AA"`, `,`},
		{`,":2:AA"]`, ``},
		{`,"uid"`, ` ,"uid"`},
		{`"uid":0`, `"uid":"0"`},
		{`}`, `}}`},
		{`}`, `,"more":1}`},
		{`}`, ``},
	} {
		text := strings.Replace(sample, change[0], change[1], 1)
		if id, ok := parse(text); ok || text == sample {
			t.Errorf("%s became %+v", text, id)
		}
	}
}

// TestUnmarshal: both ways end in the same, and are strict.
func TestUnmarshal(t *testing.T) {
	t.Parallel()
	want, _ := parse(sample)
	for _, text := range []string{sample, " " + sample + "\n", strings.Replace(sample, "/a/b", `\u002fa\/b`, 1)} {
		var id ID
		if err := id.UnmarshalJSON([]byte(text)); err != nil || !reflect.DeepEqual(id, want) {
			t.Errorf("%s: %v, %+v", text, err, id)
		}
	}
	for _, text := range []string{"", "[]", sample + sample, strings.Replace(sample, `"v"`, `"x"`, 1), sample[1:]} {
		var id ID
		if err := id.UnmarshalJSON([]byte(text)); err == nil {
			t.Errorf("%s became %+v", text, id)
		}
	}
	if err := new(ID).UnmarshalJSON([]byte(sample + "1")); !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
}
