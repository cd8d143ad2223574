package store

import (
	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/resource"
)

// Register opens the database and registers its closing on scope as the hook "store".
func Register(scope *lastly.Scope, from Source) (*Store, error) {
	s, err := Open(from)
	if err != nil {
		return nil, err
	}
	// Closing the database needs nothing else of this process. Those who write into it name it, so it need not matter
	// here who was registered earlier.
	resource.Own(scope, "store", s, lastly.Nothing...)
	return s, nil
}
