package pathid

import (
	"crypto/rand"
	"strings"
)

const (
	mark       = "lastly-" // stands before the random part
	randomSize = 26        // characters of base32: 130 bits
	maxPrefix  = 180       // so that a name with a suffix stays below the 255 bytes of most filesystems
)

// NewName returns a name for something new: the prefix, a mark and 130 random bits in lower-case base32. Nobody else makes
// it up, so what bears it is what it was made for. A suffix that begins with a dot may be appended. What no name may
// contain is replaced in the prefix, and a prefix over 180 bytes is cut.
func NewName(prefix string) string {
	prefix = strings.Map(func(r rune) rune {
		switch {
		case r == '/' || r == '\\' || r == ':' || r < ' ':
			return '_'
		}
		return r
	}, prefix)
	if len(prefix) > maxPrefix {
		prefix = prefix[:maxPrefix]
	}
	return prefix + mark + strings.ToLower(rand.Text())
}

// IsNewName reports whether a base name was made by NewName, or by appending a suffix that begins with a dot to such a
// name.
func IsNewName(base string) bool {
	at := strings.LastIndex(base, mark)
	if at < 0 || strings.ContainsAny(base, "/\x00") {
		return false
	}
	tail := base[at+len(mark):]
	if len(tail) < randomSize || len(tail) > randomSize && tail[randomSize] != '.' {
		return false
	}
	for _, c := range []byte(tail[:randomSize]) {
		if (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}
