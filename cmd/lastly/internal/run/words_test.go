package run

import (
	"slices"
	"testing"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][]string{
		"":                       nil,
		" \t\n":                  nil,
		"a":                      {"a"},
		"  a  b\tc\n":            {"a", "b", "c"},
		`a 'b c' d`:              {"a", "b c", "d"},
		`a "b c" d`:              {"a", "b c", "d"},
		`a'b c'd"e f"g`:          {"ab cde fg"},
		`''`:                     {""},
		`a "" ''`:                {"a", "", ""},
		`a\ b \'c\" \\`:          {"a b", `'c"`, `\`},
		`'a\b' "a\b" "a\"b\\c"`:  {`a\b`, `a\b`, `a"b\c`},
		`'it'\''s'`:              {"it's"},
		`$HOME *.c ~ a;b |c`:     {"$HOME", "*.c", "~", "a;b", "|c"},
		`sh -c "echo 'x y' >&2"`: {"sh", "-c", "echo 'x y' >&2"},
		"ä 'ö ü'":                {"ä", "ö ü"},
	} {
		if got, err := split(line); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v, want %q", line, got, err, want)
		}
	}
	for _, line := range []string{`'a`, `"a`, `"a\"`, `a\`, `'a'b"`} {
		if got, err := split(line); err == nil {
			t.Errorf("%q: %q", line, got)
		}
	}
}
