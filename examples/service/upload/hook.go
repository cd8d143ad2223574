package upload

import "github.com/lastly-go/lastly"

// Register makes the folder and registers its removal on scope as the hook "upload".
func Register(scope *lastly.Scope) (*Folder, error) {
	f, err := Open()
	if err != nil {
		return nil, err
	}
	scope.Register(lastly.Hook{
		Name: "upload",
		Run:  lastly.Func(f.Close),
		// Those who have files open in the folder name it; removing it needs nobody.
		Uses: lastly.Nothing,
	})
	return f, nil
}
