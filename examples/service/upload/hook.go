package upload

import (
	"fmt"
	"os"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/resource"
)

// Register makes the folder at kept if it is not there, and the temporary one, whose removal is the hook "upload" of scope:
// with it goes whatever is half uploaded. After a death that runs no hook, another process removes both.
func Register(scope *lastly.Scope, kept string) (f *Folder, err error) {
	if err := os.MkdirAll(kept, 0o755); err != nil {
		return nil, fmt.Errorf("upload: %w", err)
	}
	// Those who have files open in the folders name it; removing them needs nobody.
	own := scope.Child(lastly.Hook{Name: "upload", Uses: lastly.Nothing})
	defer own.Rollback(&err)
	temp, err := resource.TempDir(own, "upload-*")
	if err != nil {
		return nil, fmt.Errorf("upload: %w", err)
	}
	return &Folder{kept: kept, temp: temp, create: func(path string) (file, error) { return resource.Create(own, path) }}, nil
}
