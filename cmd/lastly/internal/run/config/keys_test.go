package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lastly-go/lastly/cmd/lastly/internal/run/config"
	"github.com/lastly-go/lastly/cmd/lastly/internal/run/engine"
)

// keysOf are the keys that the parser knows, from its own error.
func keysOf(text string) []string {
	_, err := config.Parse("f", []byte(text))
	_, keys, _ := strings.Cut(err.Error(), "the keys are ")
	return strings.Split(keys, ", ")
}

const (
	unknownKey     = "no-such-key: 1"
	unknownHookKey = "hooks: [{no-such-key: 1}]"
)

// TestFlagsAreKeys: whoever adds a flag decides whether a file may say it.
func TestFlagsAreKeys(t *testing.T) {
	t.Parallel()
	only := []string{"on-exit", "on-failure", "config", "quiet", "verbose", "help"} // no keys: hooks are, or it makes no sense in a file
	keys := keysOf(unknownKey)
	for _, flag := range engine.Flags() {
		name := strings.TrimPrefix(flag, "--")
		if slices.Contains(keys, name) == slices.Contains(only, name) {
			t.Errorf("%s: make it a key, in topKeys, top, schema.json and docs/config.md, or name it here; one of both", flag)
		}
	}
	for _, key := range keys {
		if key != "hooks" && !slices.Contains(engine.Flags(), "--"+key) {
			t.Errorf("%s is the name of no flag", key)
		}
	}
}

// TestPageNamesKeys: docs/config.md has a row for each key.
func TestPageNamesKeys(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "..", "docs", "config.md"))
	if err != nil {
		t.Fatal(err)
	}
	top, hook, _ := strings.Cut(string(page), "\n## A hook\n")
	for text, section := range map[string]string{unknownKey: top, unknownHookKey: hook} {
		for _, key := range keysOf(text) {
			if !strings.Contains(section, "\n| `"+key+"` |") {
				t.Errorf("docs/config.md has no row for %s where it belongs", key)
			}
		}
	}
}
