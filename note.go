package lastly

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lastly-go/lastly/internal/seam"
)

// A note is a Hook's Note. It is kept in the handle's extension: most hooks have none, and their handles are to stay small.
type note func() string

// A noter is an extension that may have something to tell.
type noter interface{ Note() string }

// Note calls the user's function, and takes care that it can't break a report.
func (n note) Note() (text string) {
	if n == nil {
		return ""
	}
	defer func() {
		if v := recover(); v != nil {
			text = fmt.Sprintf("its Note panicked: %v", v)
		}
	}()
	return n()
}

// A notedDurable is a durable hook whose user has something to tell, too.
type notedDurable struct {
	seam.Durable
	note note
}

// noteOf is what a report says of a hook. Who settles a durable one should the process die is of interest only until it runs.
func noteOf(ext any, pending bool) string {
	var notes []string
	switch x := ext.(type) {
	case *Scope:
		notes = append(notes, x.note.Note())
	case notedDurable:
		notes = append(notes, x.note.Note())
	case noter:
		if _, durable := x.(seam.Durable); !durable {
			notes = append(notes, x.Note())
		}
	}
	if d, ok := ext.(seam.Durable); ok && pending {
		notes = append(notes, d.Note())
	}
	return strings.Join(slices.DeleteFunc(notes, func(s string) bool { return s == "" }), "; ")
}
