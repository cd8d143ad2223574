package config

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/cmd/lastly/internal/run/engine"
)

// topKeys are those of a file. All but hooks are names of flags.
func topKeys() []string {
	return []string{"grace", "timeout", "temp", "remove", "lock", "no-wait", "let-go", "group", "ok-status", "report", "signal-rewrite", "hooks"}
}

func hookKeys() []string {
	return []string{"name", "argv", "uses", "timeout", "when", "dir", "env"}
}

// Parse reads the text of a file. It looks at nothing else.
func Parse(name string, text []byte) (*File, error) {
	f := &File{Name: name}
	root, err := f.document(string(text))
	if err != nil {
		return nil, err
	}
	pairs, err := f.mapping(root, "the file", topKeys())
	if err != nil {
		return nil, err
	}
	if len(pairs) == 0 {
		return nil, f.errorf(root.Line, "there is nothing in it; write hooks, or leave --config out")
	}
	for _, p := range pairs {
		if err := f.top(p); err != nil {
			return nil, err
		}
	}
	if err := f.checkOrder(); err != nil {
		return nil, err
	}
	return f, nil
}

// top takes one of the file's keys.
func (f *File) top(p pair) (err error) {
	switch p.key {
	case "hooks":
		return f.hooks(p)
	case "remove":
		f.removeLine = p.line
		f.Remove, err = f.textList(p)
		return err
	case "temp", "no-wait", "let-go", "group":
		yes, err := f.bool(p)
		if yes {
			f.Flags = append(f.Flags, "--"+p.key)
		}
		return err
	case "grace", "timeout":
		text, err := f.scalar(p.value, p.key, numbers, "a time; write such as 90s, 1m30s, or a number of seconds")
		return f.flag(p, text, err)
	case "ok-status":
		return f.statuses(p)
	case "report":
		text, err := f.text(p.value, p.key)
		return f.flag(p, text, err)
	}
	list, err := f.textList(p) // lock, signal-rewrite
	for _, text := range list {
		if err = f.flag(p, text, err); err != nil {
			return err
		}
	}
	return err
}

func (f *File) statuses(p pair) error {
	nodes, err := f.list(p)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		text, err := f.scalar(n, p.key, []string{"!!int"}, "an exit status; write a number from 0 to 255")
		if err := f.flag(p, text, err); err != nil {
			return err
		}
	}
	return nil
}

// flag adds what a flag would say, if that makes sense.
func (f *File) flag(p pair, value string, err error) error {
	if err != nil {
		return err
	}
	word := "--" + p.key + "=" + value
	if _, err := engine.Flag(word); err != nil {
		return f.errorf(p.line, "%w", err)
	}
	f.Flags = append(f.Flags, word)
	return nil
}

func (f *File) hooks(p pair) error {
	nodes, err := f.list(p)
	if err != nil {
		return err
	}
	if len(nodes) > maxHooks {
		return f.errorf(p.line, "%d hooks; %d are the most: have a script do the work, and name that", len(nodes), maxHooks)
	}
	for i, n := range nodes {
		h := Hook{line: n.Line}
		pairs, err := f.mapping(n, fmt.Sprintf("hook %d", i+1), hookKeys())
		if err != nil {
			return err
		}
		for _, p := range pairs {
			if err := f.hook(&h, p); err != nil {
				return err
			}
		}
		if h.Command.Args == nil {
			return f.errorf(h.line, "hook %d has no argv; write argv: [PROGRAM, ARGUMENT...]", i+1)
		}
		if h.Name == "" {
			h.madeUp = true
			h.Name = fmt.Sprintf("hook %d (%s)", i+1, filepath.Base(h.Command.Args[0]))
		}
		f.Hooks = append(f.Hooks, h)
	}
	return nil
}

// hook takes one of a hook's keys.
func (f *File) hook(h *Hook, p pair) (err error) {
	switch p.key {
	case "name":
		h.Name, err = f.text(p.value, p.key)
	case "argv":
		h.Command.Args, err = f.argv(p)
	case "uses":
		h.usesLine = p.line
		if h.Uses, err = f.textList(p); err == nil && len(h.Uses) == 0 {
			h.Uses = lastly.Nothing
		}
	case "timeout":
		h.Timeout, err = f.time(p)
	case "when":
		var when string
		if when, err = f.text(p.value, p.key); err == nil && when != "exit" && when != "failure" {
			err = f.errorf(p.line, "when is %q; write exit or failure", when)
		}
		h.OnFailure = when == "failure"
	case "dir":
		h.Command.Dir, err = f.text(p.value, p.key)
	case "env":
		h.Command.Env, err = f.env(p)
	}
	return err
}

// argv is a list of words, each as it is written: 0755 needs no quotes.
func (f *File) argv(p pair) (list []string, err error) {
	nodes, err := f.list(p)
	if err != nil {
		return nil, err
	}
	for _, n := range nodes {
		word, err := f.scalar(n, p.key, words, `a word; write "" for an empty one`)
		if err != nil {
			return nil, err
		}
		list = append(list, word)
	}
	if len(list) == 0 || list[0] == "" {
		return nil, f.errorf(p.line, "argv names no program; write argv: [PROGRAM, ARGUMENT...]")
	}
	return list, nil
}

func (f *File) time(p pair) (time.Duration, error) {
	text, err := f.scalar(p.value, p.key, numbers, "a time; write such as 90s, 1m30s, or a number of seconds")
	if err != nil {
		return 0, err
	}
	o, err := engine.Flag("--timeout=" + text)
	if err != nil {
		return 0, f.errorf(p.line, "%w", err)
	}
	t := time.Duration(o.Timeout) * time.Millisecond
	if t <= 0 || t > maxTime {
		return 0, f.errorf(p.line, "timeout %s: that is no time to run, or more than %v; leave it out for %v", text, maxTime, lastly.DefaultHookTimeout)
	}
	return t, nil
}

// maxTime keeps the sum of all hooks' times far from an overflow.
const maxTime = 24 * time.Hour

// env is a list of names of variables.
func (f *File) env(p pair) ([]string, error) {
	list, err := f.textList(p)
	for _, name := range list {
		if strings.Contains(name, "=") {
			return nil, f.errorf(p.line, "env: %q has a =; write names only: what they are set to comes from the environment of lastly run", name)
		}
	}
	return list, err
}
