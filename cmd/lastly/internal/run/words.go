package run

import (
	"errors"
	"strings"
)

// split takes a command line apart as a shell does, but nothing is expanded: words are separated by spaces, tabs and newlines,
// '...' keeps everything as it is, "..." keeps all but \" and \\, and outside of quotes a backslash keeps the next character.
// What needs a shell names one: sh -c '...'.
func split(line string) (words []string, err error) {
	var word strings.Builder
	begun := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; c {
		case ' ', '\t', '\n':
			if begun {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
			continue
		case '\'', '"':
			n, ok := quoted(line[i+1:], c, &word)
			if !ok {
				return nil, errors.New("a quote has no end; add it, or write a backslash before it")
			}
			i += n
		case '\\':
			if i++; i == len(line) {
				return nil, errors.New("a backslash at the end; write two, or none")
			}
			word.WriteByte(line[i])
		default:
			word.WriteByte(c)
		}
		begun = true
	}
	if begun {
		words = append(words, word.String())
	}
	return words, nil
}

// quoted reads to the closing quote, and returns how much of the text that was.
func quoted(text string, quote byte, word *strings.Builder) (n int, ok bool) {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == quote:
			return i + 1, true
		case c == '\\' && quote == '"' && i+1 < len(text) && (text[i+1] == '"' || text[i+1] == '\\'):
			i++
			word.WriteByte(text[i])
		default:
			word.WriteByte(c)
		}
	}
	return 0, false
}
