package action

import (
	"bytes"
	"cmp"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const redacted = "[redacted]"

// redact replaces each secret in a text, longest first: one may be part of another.
func redact(text string, secrets []string) string {
	longest := slices.SortedFunc(slices.Values(secrets), func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	for _, secret := range longest {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, redacted)
		}
	}
	return text
}

// shorten cuts a long text, between two characters.
func shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "..."
}

// GoString keeps %#v from showing what String hides.
func (c Command) GoString() string { return c.String() }

// GoString keeps %#v from showing what String hides.
func (r Request) GoString() string { return r.String() }

// LogValue keeps loggers that show fields from showing what String hides.
func (c Command) LogValue() slog.Value { return slog.StringValue(c.String()) }

// LogValue keeps loggers that show fields from showing what String hides.
func (r Request) LogValue() slog.Value { return slog.StringValue(r.String()) }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// tail keeps the end of what is written to it.
type tail struct {
	secrets []string
	text    []byte
	cut     bool // text is not all
}

const (
	tailKept  = 4 << 10
	tailShown = 200
)

func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	if over := len(t.text) - tailKept; over > 0 {
		t.text, t.cut = append(t.text[:0], t.text[over:]...), true
	}
	return len(p), nil
}

// lastLine is the end of the last line that is not blank, quoted and without secrets; empty if there is none. A secret of
// which only a part was kept could not be recognised, so nothing is shown where that is possible. A command that writes a part
// of a secret, or another form of it, is not seen through.
func (t *tail) lastLine() string {
	text := bytes.TrimSpace(t.text)
	start := bytes.LastIndexAny(text, "\r\n")
	if start < 0 && t.cut && len(t.secrets) > 0 {
		return "; its stderr is not shown: the line is very long, and the end of a secret could be in it"
	}
	for _, secret := range t.secrets {
		if strings.ContainsAny(secret, "\r\n") || len(secret) > tailKept-tailShown {
			return "; its stderr is not shown: a variable has several lines, or a very long one"
		}
	}
	text = text[start+1:]
	line := strings.ToValidUTF8(redact(string(text), t.secrets), "?")
	if over := len(line) - tailShown; over > 0 {
		for over < len(line) && !utf8.RuneStart(line[over]) {
			over++
		}
		line = "..." + line[over:]
	}
	if line == "" {
		return ""
	}
	return "; the end of its stderr: " + strconv.Quote(line)
}
