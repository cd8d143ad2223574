package config

import (
	"errors"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// document reads the one document of a file. Nodes keep their lines, and what was written: 0755 stays 0755.
func (f *File) document(text string) (*yaml.Node, error) {
	loader, err := yaml.NewLoader(strings.NewReader(text))
	if err != nil {
		return nil, f.errorf(1, "%w; try again", err) // it has no settings that could be wrong
	}
	var doc, second yaml.Node
	err = loader.Load(&doc)
	if errors.Is(err, io.EOF) || err == nil && len(doc.Content) != 1 {
		return nil, f.errorf(1, "there is nothing in it; write hooks, or leave --config out")
	}
	if err == nil {
		if err = loader.Load(&second); err == nil {
			return nil, f.errorf(max(1, second.Line), "a second document begins; write all into one, and no --- in between")
		}
	}
	if !errors.Is(err, io.EOF) {
		return nil, f.syntax(err)
	}
	return doc.Content[0], nil
}

// syntax is the library's error in this package's form.
func (f *File) syntax(err error) error {
	if e, ok := errors.AsType[*yaml.LoadError](err); ok {
		return f.errorf(max(1, e.Mark.Line), "this is no YAML: %s; look at this line and the one before, at spaces and quotes", e.Message)
	}
	return f.errorf(1, "this is no YAML: %w; look at spaces and quotes", err)
}

// target is the node itself, or what an alias stands for.
func target(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

// A pair is a key and its value.
type pair struct {
	key   string
	line  int
	value *yaml.Node
}

// mapping takes a mapping apart. Each key has to be known, and to be there once.
func (f *File) mapping(n *yaml.Node, what string, known []string) (pairs []pair, err error) {
	line := n.Line
	if n = target(n); n.Kind != yaml.MappingNode || n.ShortTag() != "!!map" {
		return nil, f.errorf(line, "%s has to be a mapping; write key: value, with the keys %s", what, strings.Join(known, ", "))
	}
	lines := make(map[string]int)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode || !slices.Contains(known, key.Value) {
			return nil, f.errorf(key.Line, "%s has no key %s; the keys are %s", what, shown(key), strings.Join(known, ", "))
		}
		if before := lines[key.Value]; before != 0 {
			return nil, f.errorf(key.Line, "the key %s is in line %d already; leave one out", key.Value, before)
		}
		lines[key.Value] = key.Line
		pairs = append(pairs, pair{key.Value, key.Line, n.Content[i+1]})
	}
	return pairs, nil
}

// list takes a list apart.
func (f *File) list(p pair) ([]*yaml.Node, error) {
	n := target(p.value)
	if n.Kind != yaml.SequenceNode || n.ShortTag() != "!!seq" {
		return nil, f.errorf(p.line, "%s has to be a list; write %s: [...]", p.key, p.key)
	}
	if f.words += len(n.Content); f.words > maxWords {
		return nil, f.errorf(p.line, "more than %d entries in all lists; have a script do the work, and name that", maxWords)
	}
	return n.Content, nil
}

// Tags of scalars. A time is a text that looks like one.
var (
	texts   = []string{"!!str", "!!timestamp"}
	numbers = []string{"!!str", "!!int", "!!float"}
	words   = []string{"!!str", "!!timestamp", "!!int", "!!float", "!!bool"} // for programs all are text
)

// scalar is one value as it was written, of one of the tags.
func (f *File) scalar(n *yaml.Node, key string, tags []string, want string) (string, error) {
	line := n.Line
	if n = target(n); n.Kind != yaml.ScalarNode || !slices.Contains(tags, n.ShortTag()) {
		return "", f.errorf(line, "%s: %s is not %s", key, shown(n), want)
	}
	return n.Value, nil
}

// text is a scalar that is not empty and has no control characters: a name, a path.
func (f *File) text(n *yaml.Node, key string) (string, error) {
	value, err := f.scalar(n, key, texts, `text; write it in quotes: "..."`)
	if err == nil && (value == "" || strings.IndexFunc(value, isControl) >= 0) {
		err = f.errorf(n.Line, "%s: %q is empty, or has a control character; write something that can be read", key, value)
	}
	return value, err
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

func (f *File) bool(p pair) (bool, error) {
	value, err := f.scalar(p.value, p.key, []string{"!!bool"}, "true or false without quotes; write one of them")
	return strings.EqualFold(value, "true"), err
}

// textList is a list of texts, each there once.
func (f *File) textList(p pair) (list []string, err error) {
	nodes, err := f.list(p)
	if err != nil {
		return nil, err
	}
	seen := make(map[string]bool)
	for _, n := range nodes {
		text, err := f.text(n, p.key)
		if err != nil {
			return nil, err
		}
		if seen[text] {
			return nil, f.errorf(n.Line, "%s has %q twice; leave one out", p.key, text)
		}
		seen[text] = true
		list = append(list, text)
	}
	return list, nil
}

// shown is a node in an error.
func shown(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.AliasNode:
		return "*" + n.Value
	case n.ShortTag() == "!!null":
		return "nothing"
	case len(n.Value) > 50:
		return `"` + strings.ToValidUTF8(n.Value[:50], "") + `..."`
	}
	return `"` + n.Value + `"`
}
