package pathid

import (
	"strings"
	"testing"
)

func TestNewName(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for range 1000 {
		name := NewName("")
		if seen[name] || !IsNewName(name) {
			t.Fatalf("%q is not new", name)
		}
		seen[name] = true
	}
	long := strings.Repeat("x", 400)
	for _, prefix := range []string{"app-", ".hidden-", "a/b", `a\b`, "a\x00b", "c:", "lastly-", long} {
		name := NewName(prefix)
		if strings.ContainsAny(name, "/\\:\x00") || len(name) > 220 {
			t.Errorf("%q is no name", name)
		}
		if !IsNewName(name) || !IsNewName(name+".txt") {
			t.Errorf("%q is not recognised", name)
		}
	}
	if name := NewName("app-"); !strings.HasPrefix(name, "app-lastly-") {
		t.Errorf("%q does not begin with the prefix", name)
	}
}

func TestIsNewName(t *testing.T) {
	t.Parallel()
	const random = "abcdefghijklmnopqrstuvwx27"
	for name, want := range map[string]bool{
		"lastly-" + random:               true,
		"x-lastly-" + random + ".tar.gz": true,
		"lastly-lastly-" + random:        true,
		random:                           false, // a name that looks random is not ours
		"lastly-" + random[1:]:           false,
		"lastly-" + random + "a":         false,
		"lastly-" + random + "-a":        false,
		"lastly-" + random + "/a":        false,
		"a/lastly-" + random:             false,
		"lastly-" + random + ".\x00":     false,
		"lastly-" + random[1:] + "1":     false,
		"lastly-" + random[1:] + "A":     false,
		"lastly-":                        false,
		"":                               false,
	} {
		if IsNewName(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}
