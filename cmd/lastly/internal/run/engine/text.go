package engine

// Package strings would come too late: it needs the tables of package unicode, which are initialised after most other packages. So
// would package time.

func hasPrefix(text, prefix string) bool {
	return len(text) >= len(prefix) && text[:len(prefix)] == prefix
}

// index is -1 when there is no c.
func index(text string, c byte) int {
	for i := range len(text) {
		if text[i] == c {
			return i
		}
	}
	return -1
}

func cut(text string, c byte) (before, after string, found bool) {
	if i := index(text, c); i >= 0 {
		return text[:i], text[i+1:], true
	}
	return text, "", false
}

// split takes a text apart at each c.
func split(text string, c byte) (parts []string) {
	for {
		part, rest, more := cut(text, c)
		parts = append(parts, part)
		if !more {
			return parts
		}
		text = rest
	}
}

func upper(text string) string {
	letters := []byte(text)
	for i, c := range letters {
		if c >= 'a' && c <= 'z' {
			letters[i] = c - 'a' + 'A'
		}
	}
	return string(letters)
}
