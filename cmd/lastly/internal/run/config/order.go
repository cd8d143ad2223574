package config

import (
	"context"
	"errors"
	"slices"

	"github.com/lastly-go/lastly"
)

// RemoveName is what hooks call the removal of a path.
func RemoveName(path string) string { return "remove " + path }

// checkOrder finds names that mean nothing or two things, and loops. The library takes all of them: it can't know what is yet to
// be registered. Here everything is in one file.
func (f *File) checkOrder() error {
	lines := make(map[string]int)
	plan := &lastly.Scope{}
	add := func(name string, uses []string, line int) error {
		if before := lines[name]; before != 0 {
			return f.errorf(line, "the name %q is taken in line %d; give each hook its own", name, before)
		}
		lines[name] = line
		plan.Register(lastly.Hook{Name: name, Uses: uses, Run: func(context.Context) error { return nil }})
		return nil
	}
	for _, path := range f.Remove {
		if err := add(RemoveName(path), nil, f.removeLine); err != nil {
			return err
		}
	}
	for _, h := range f.Hooks {
		if err := add(h.Name, h.Uses, h.line); err != nil {
			return err
		}
	}
	for i := range f.Hooks {
		if err := f.checkUses(&f.Hooks[i], lines); err != nil {
			return err
		}
	}
	if loop, ok := errors.AsType[*lastly.CycleError](plan.Check()); ok {
		text := ""
		for _, m := range loop.Members {
			text += m.Name + ", "
		}
		return f.errorf(lines[loop.Members[0].Name], "these hooks use each other in a loop: %sso none could be first; leave one uses out", text)
	}
	return nil
}

func (f *File) checkUses(h *Hook, lines map[string]int) error {
	if slices.Equal(h.Uses, lastly.Nothing) {
		return nil
	}
	for _, name := range h.Uses {
		switch {
		case name == h.Name:
			return f.errorf(h.usesLine, "%v uses itself; leave that out", h)
		case lines[name] == 0:
			return f.errorf(h.usesLine, "%v uses %q, which no hook is called; correct it, or leave it out", h, name)
		}
	}
	return nil
}
