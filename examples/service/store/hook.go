package store

import "github.com/lastly-go/lastly"

// Register opens the database at path and registers its closing on scope as the hook "store".
func Register(scope *lastly.Scope, path string) (*Store, error) {
	s, err := Open(path)
	if err != nil {
		return nil, err
	}
	scope.Register(lastly.Hook{
		Name: "store",
		Run:  lastly.Func(s.Close),
		// Closing the database needs nothing else of this process. Those who write into it name it, so it need not
		// matter here who was registered earlier.
		Uses: lastly.Nothing,
	})
	return s, nil
}
