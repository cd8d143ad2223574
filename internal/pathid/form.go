package pathid

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
)

// UnmarshalJSON reads the form in the journal. Fields that an ID does not have are refused, as is what follows it. What the
// fields say is for Check to judge.
func (id *ID) UnmarshalJSON(text []byte) error {
	if read, ok := parse(string(text)); ok {
		*id = read
		return nil
	}
	type fields ID // has no methods
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode((*fields)(id)); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return problemf(shorten(string(text)), ErrInvalid, "more than one value")
	}
	return nil
}

// parse reads what json.Marshal writes of an ID, byte for byte, with plain characters in its texts: that is nearly all that
// a journal has. Of anything else it says so. A settler reads ten thousand of these, and a guard reads its first one when
// encoding/json has not seen any type yet: here it takes a tenth of the time.
func parse(text string) (id ID, ok bool) {
	p := parser{rest: text}
	p.word(`{"v":`)
	id.Version = int(p.number())
	p.word(`,"path":`)
	id.Full = fullPath(p.text())
	p.word(`,"kind":`)
	id.Kind = Kind(p.text())
	if p.has(`,"leaf":`) {
		id.Leaf = p.present()
	}
	p.word(`,"dirs":[`)
	for id.Dirs = make([]string, 0, 8); len(id.Dirs) == 0 || p.has(`,`); {
		id.Dirs = append(id.Dirs, p.text())
	}
	p.word(`],"uid":`)
	id.UID = p.number()
	if p.has(`,"boot":`) {
		id.Boot = p.present()
	}
	p.word(`}`)
	ok = !p.failed && p.rest == "" && !strings.HasPrefix(string(id.Full), encodedPath)
	return id, ok
}

// A parser takes one thing after the other. When one is not as json.Marshal would have written it, it has failed.
type parser struct {
	rest   string
	failed bool
}

// has takes a word if it is there.
func (p *parser) has(word string) bool {
	rest, ok := strings.CutPrefix(p.rest, word)
	p.rest = rest
	return ok && !p.failed
}

func (p *parser) word(word string) { p.failed = !p.has(word) || p.failed }

// number takes one that an int holds on every machine.
func (p *parser) number() int64 {
	end := 0
	for end < len(p.rest) && (p.rest[end] == '-' || '0' <= p.rest[end] && p.rest[end] <= '9') {
		end++
	}
	n, err := strconv.ParseInt(p.rest[:end], 10, 32)
	p.failed = p.failed || err != nil || strconv.FormatInt(n, 10) != p.rest[:end]
	p.rest = p.rest[end:]
	return n
}

// text takes a text of characters that stand for themselves.
func (p *parser) text() string {
	p.word(`"`)
	for i := range len(p.rest) {
		switch c := p.rest[i]; {
		case c == '"':
			text := p.rest[:i]
			p.rest = p.rest[i+1:]
			return text
		case c < ' ' || c > '~' || c == '\\' || c == '<' || c == '>' || c == '&':
			p.failed = true
			return ""
		}
	}
	p.failed = true
	return ""
}

// present takes a text that is left out when it is empty.
func (p *parser) present() string {
	text := p.text()
	p.failed = p.failed || text == ""
	return text
}
