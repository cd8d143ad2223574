package cli

import (
	"bytes"
	"encoding/json"

	"github.com/lastly-go/lastly/durable"
)

// describe says what a record is about, without what may be secret: as the kinds themselves say it. Of another program's kinds
// nothing is known.
func describe(kind string, payload []byte) string {
	switch kind {
	case "remove":
		if path, ok := plainPath(payload); ok {
			return path
		}
		return text[durable.Path](payload)
	case "kill":
		return text[durable.Process](payload)
	case "exec":
		return text[durable.Command](payload)
	case "http":
		return text[durable.Request](payload)
	case "lock":
		var locked struct {
			Path string `json:"path"`
		}
		_ = json.Unmarshal(payload, &locked)
		return locked.Path
	}
	return ""
}

// plainPath is the path of a Path, if it is where it always is, and written plainly: `list` shows a hundred thousand.
func plainPath(payload []byte) (string, bool) {
	rest, ok := bytes.CutPrefix(payload, []byte(`{"v":1,"path":"/`))
	end := bytes.IndexByte(rest, '"')
	if !ok || end < 0 || bytes.IndexByte(rest[:end], '\\') >= 0 {
		return "", false
	}
	return "/" + string(rest[:end]), true
}

func text[P interface{ String() string }](payload []byte) string {
	var p P
	var err error
	if own, ok := any(&p).(json.Unmarshaler); ok {
		err = own.UnmarshalJSON(payload) // half the work of json.Unmarshal, which would read it twice
	} else {
		err = json.Unmarshal(payload, &p)
	}
	if err != nil {
		return "(of another version)"
	}
	return p.String()
}
