package durable

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"

	"github.com/lastly-go/lastly/internal/journal"
)

// MaxPayload is the biggest payload, in bytes of JSON. What is bigger belongs into a file that the payload names.
const MaxPayload = journal.MaxPayload

func encode[P any](kind string, payload P) ([]byte, error) {
	text, err := json.Marshal(payload)
	switch {
	case err != nil:
		return nil, fmt.Errorf("lastly: kind %q: the payload has no JSON form: %w", kind, err)
	case len(text) > MaxPayload:
		return nil, fmt.Errorf("lastly: kind %q: %w: %d bytes of JSON, the most is %d; put what is big into a file and its path into the payload",
			kind, ErrTooBig, len(text), MaxPayload)
	}
	return text, nil
}

// decode is strict: what the type does not have, and what the text does not have, is an error. An older or newer program
// wrote it, and an empty field would be taken for a fact.
func decode[P any](text []byte) (payload P, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&payload); err != nil {
		return payload, fmt.Errorf("%w %T: %w; a kind whose payload changed its meaning needs a new name", ErrPayload, payload, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return payload, fmt.Errorf("%w %T: more than one value", ErrPayload, payload)
	}
	again, err := json.Marshal(payload)
	if err != nil {
		return payload, fmt.Errorf("%w %T: %w", ErrPayload, payload, err)
	}
	if bytes.Equal(again, text) {
		return payload, nil
	}
	if same, err := sameJSON(again, text); err != nil || !same {
		return payload, fmt.Errorf("%w %T: fields are missing, or are spelled otherwise; a kind whose payload changed its meaning needs a new name",
			ErrPayload, payload)
	}
	return payload, nil
}

// sameJSON compares documents regardless of the order of fields and of how numbers are written.
func sameJSON(a, b []byte) (bool, error) {
	var x, y any
	if err := json.Unmarshal(a, &x); err != nil {
		return false, err
	}
	if err := json.Unmarshal(b, &y); err != nil {
		return false, err
	}
	return reflect.DeepEqual(x, y), nil
}
