package config_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/lastly-go/lastly/cmd/lastly/internal/run/config"
)

// TestSchema holds the schema against the parser: what is good for one is good for the other, and what is not is not, but for what a
// schema can't see. That is marked, and has to be true as well.
func TestSchema(t *testing.T) {
	t.Parallel()
	schema := compile(t)
	for name, text := range good {
		value, ok := decode(text)
		if err := schema.Validate(value); err != nil || !ok {
			t.Errorf("%s: the schema refuses what the parser takes (decoded: %v): %v", name, ok, err)
		}
	}
	for name, fault := range faults {
		value, ok := decode(fault.text)
		if seen := ok && schema.Validate(value) != nil; seen == fault.unseen {
			t.Errorf("%s: the schema sees it: %v, want %v", name, seen, !fault.unseen)
		}
	}
}

func compile(t *testing.T) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(config.Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// decode is what an editor makes of YAML before it asks the schema. A text that has no form in JSON never gets there.
func decode(text string) (value any, ok bool) {
	var parsed any
	if err := yaml.Load([]byte(text), &parsed); err != nil {
		return nil, false
	}
	plain, err := json.Marshal(parsed)
	if err != nil {
		return nil, false
	}
	value, err = jsonschema.UnmarshalJSON(strings.NewReader(string(plain)))
	return value, err == nil
}

// TestSchemaNamesKeys: the schema has the parser's keys, each with a text for who hovers over it.
func TestSchemaNamesKeys(t *testing.T) {
	t.Parallel()
	type object struct {
		Properties map[string]struct{ Description string }
	}
	var schema struct {
		object

		Definitions struct{ Hook object }
	}
	if err := json.Unmarshal([]byte(config.Schema), &schema); err != nil {
		t.Fatal(err)
	}
	for where, c := range map[string]struct {
		object
		text string
	}{"the file": {schema.object, unknownKey}, "a hook": {schema.Definitions.Hook, unknownHookKey}} {
		want := slices.Sorted(slices.Values(keysOf(c.text)))
		if got := slices.Sorted(maps.Keys(c.Properties)); !slices.Equal(got, want) {
			t.Errorf("%s: the schema has %q, the parser %q", where, got, want)
		}
		for key, p := range c.Properties {
			if !strings.HasSuffix(p.Description, ".") {
				t.Errorf("%s: %s has the description %q, want sentences", where, key, p.Description)
			}
		}
	}
}
