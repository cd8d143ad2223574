package config

import _ "embed"

// Schema is the JSON schema of a file, for editors.
//
//go:embed schema.json
var Schema string
