package pathid

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// TestCheckRefuses changes a good ID in every way that harms, and sees each refused before anything is touched.
func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	path := filepath.Join(dir, "file")
	write(t, path)
	good := captured(t, path)
	for name, change := range map[string]func(*ID){
		"zero":              func(id *ID) { *id = ID{} },
		"version":           func(id *ID) { id.Version++ },
		"no path":           func(id *ID) { id.Full = "" },
		"relative":          func(id *ID) { id.Full = "file" },
		"dot dot":           func(id *ID) { id.Full = fullPath(dir + "/x/../file") },
		"up":                func(id *ID) { id.Full = fullPath(dir + "/..") },
		"dot":               func(id *ID) { id.Full = fullPath(dir + "/./file") },
		"twice a slash":     func(id *ID) { id.Full = fullPath(dir + "//file") },
		"slash at the end":  func(id *ID) { id.Full += "/" },
		"NUL":               func(id *ID) { id.Full += "\x00x" },
		"too long":          func(id *ID) { id.Full += fullPath(strings.Repeat("/x", maxPath/2)) },
		"no kind":           func(id *ID) { id.Kind = "" },
		"unknown kind":      func(id *ID) { id.Kind = "whatever" },
		"random, but named": func(id *ID) { id.Kind, id.Leaf = Random, "" },
		"named, but known":  func(id *ID) { id.Kind = Named },
		"named, but random": func(id *ID) {
			id.Kind, id.Leaf, id.Full = Named, "", fullPath(filepath.Join(dir, NewName("")))
		},
		"no parent":         func(id *ID) { id.Dirs = nil },
		"too many parents":  func(id *ID) { id.Dirs = append(id.Dirs, make([]string, 100)...) },
		"parent without fs": func(id *ID) { id.Dirs = []string{":1:AAAA"} },
		"parent broken":     func(id *ID) { id.Dirs = []string{"x"} },
		"empty handle":      func(id *ID) { id.Dirs = []string{"ef53.1:1:"} },
		"handle too long":   func(id *ID) { id.Dirs = []string{"ef53.1:1:" + strings.Repeat("A", 400)} },
		"type":              func(id *ID) { id.Dirs = []string{"ef53.1:-2:AAAA"} },
		"not canonical":     func(id *ID) { id.Dirs = []string{"ef53.1:01:AAAA"} },
		"newline":           func(id *ID) { id.Dirs = []string{"ef53.1:1:AA\nAA"} },
		"stray bits":        func(id *ID) { id.Dirs = []string{"ef53.1:1:AB"} },
		"fs":                func(id *ID) { id.Dirs = []string{"../..:1:AAAA"} },
		"leaf broken":       func(id *ID) { id.Leaf = ":1" },
		"leaf elsewhere":    func(id *ID) { id.Leaf = "ef53.1" + id.Leaf },
		"boot":              func(id *ID) { id.Boot = "/" },
		"user":              func(id *ID) { id.UID = -2 },
		"user too big":      func(id *ID) { id.UID = 1<<32 - 1 },
	} {
		id := good
		id.Dirs = append([]string(nil), good.Dirs...)
		change(&id)
		if err := id.Check(); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
		removes(t, id, ErrInvalid)
	}
	id := good
	id.Full = fullPath(filepath.VolumeName(dir) + string(filepath.Separator))
	removes(t, id, ErrProtected)
	if runtime.GOOS == "linux" {
		id = good
		id.Leaf = ":-1:AAAA"
		removes(t, id, ErrInvalid)
	}
	stays(t, path)
	removes(t, good, nil)
}

// TestJSON has a path that JSON has no words for.
func TestJSON(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("names are text here")
	}
	dir := folder(t)
	path := filepath.Join(dir, "a\xffb")
	write(t, path)
	write(t, filepath.Join(dir, "a\ufffdb"))
	id := captured(t, path)
	removes(t, id, nil)
	isGone(t, path)
	stays(t, filepath.Join(dir, "a\ufffdb"))
	for _, text := range []string{"base64:", "base64:%", "base64:L2E"} {
		if err := json.Unmarshal([]byte(`"`+text+`"`), new(fullPath)); text != "base64:" && err == nil {
			t.Errorf("%s was taken", text)
		}
	}
}

// FuzzCheck wants that no content of a journal makes Check panic, that what it takes is what Capture could have written, and
// that Remove of it touches nothing here.
func FuzzCheck(f *testing.F) {
	dir := folder(f)
	path := filepath.Join(dir, "file")
	write(f, path)
	for _, p := range []string{path, filepath.Join(dir, "absent"), filepath.Join(dir, NewName("x"))} {
		text, err := json.Marshal(captured(f, p))
		must(f, err)
		f.Add(text)
	}
	f.Add([]byte(sample))
	f.Fuzz(func(t *testing.T, text []byte) {
		if read, ok := parse(string(text)); ok {
			if again, err := json.Marshal(read); err != nil || string(again) != string(text) {
				t.Errorf("%q was read as %s, %v", text, again, err)
			}
		}
		var id ID
		if json.Unmarshal(text, &id) != nil {
			return
		}
		ended, cancel := context.WithCancel(context.Background())
		cancel() // should Check let something pass, nothing is removed by a test
		if id.Check() != nil {
			if Remove(ended, id, Options{}) == nil {
				t.Errorf("%s: removed what Check refuses", text)
			}
			return
		}
		full := id.Path()
		if !filepath.IsAbs(full) || filepath.Clean(full) != full || filepath.Dir(full) == full || strings.Contains(full, "\x00") {
			t.Errorf("%s: %q was taken", text, full)
		}
		if len(id.Dirs) == 0 || id.Kind == Random && !IsNewName(filepath.Base(full)) {
			t.Errorf("%s was taken", text)
		}
		again, err := json.Marshal(id)
		must(t, err)
		var back ID
		must(t, json.Unmarshal(again, &back))
		if !reflect.DeepEqual(id, back) {
			t.Errorf("%s became %s", text, again)
		}
	})
}

// TestSeeds fails when the committed seeds of FuzzCheck are not found any more.
func TestSeeds(t *testing.T) {
	t.Parallel()
	seeds, err := os.ReadDir(filepath.Join("testdata", "fuzz", "FuzzCheck"))
	if err != nil || len(seeds) < 8 {
		t.Errorf("%d seeds: %v", len(seeds), err)
	}
}
