package durable

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

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
	case replaced(text):
		return nil, fmt.Errorf("lastly: kind %q: %w: a text in it is no UTF-8, which JSON can't keep; use []byte", kind, ErrPayload)
	}
	return text, nil
}

// replaced reports whether encoding/json replaced bytes that are no UTF-8. It writes the replacement character as an escape
// then, and as itself when it was in the text.
func replaced(text []byte) bool {
	escape := []byte(`\ufffd`)
	for {
		i := bytes.Index(text, escape)
		if i < 0 {
			return false
		}
		slashes := len(text[:i]) - len(bytes.TrimRight(text[:i], `\`))
		if slashes%2 == 0 {
			return true
		}
		text = text[i+len(escape):]
	}
}

// decode is strict: what the type does not have, and what the text does not have, is an error. An older or newer program
// wrote it, and an empty field would be taken for a fact.
func decode[P any](text []byte) (payload P, err error) {
	if !utf8.Valid(text) { // encoding/json would replace what is not
		return payload, fmt.Errorf("%w %T: it is no UTF-8", ErrPayload, payload)
	}
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
	if equal, err := sameJSON(again, text); err != nil || !equal {
		return payload, fmt.Errorf("%w %T: fields are missing, or are spelled otherwise; a kind whose payload changed its meaning needs a new name",
			ErrPayload, payload)
	}
	return payload, nil
}

// sameJSON compares documents regardless of the order of fields and of how numbers are written.
func sameJSON(a, b []byte) (bool, error) {
	x, err := parse(a)
	if err != nil {
		return false, err
	}
	y, err := parse(b)
	return err == nil && same(x, y), err
}

func parse(text []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return v, d.Decode(&v)
}

func same(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, same)
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, same)
	case json.Number:
		b, ok := b.(json.Number)
		return ok && (a == b || sameNumber(a, b))
	}
	return a == b
}

// sameNumber compares numbers that are written differently. Beyond 2^53 a float64 is not the number any more.
func sameNumber(a, b json.Number) bool {
	const exact = 1 << 53
	x, err := a.Float64()
	y, err2 := b.Float64()
	return err == nil && err2 == nil && x == y && math.Abs(x) < exact && (x != 0 || isZero(a) && isZero(b))
}

// isZero tells zero from what is too small for a float64.
func isZero(n json.Number) bool {
	mantissa, _, _ := strings.Cut(strings.ToLower(n.String()), "e")
	return !strings.ContainsAny(mantissa, "123456789")
}

// checkType returns what JSON would not keep of a payload's type: it would come back empty, and be settled as that.
func checkType(t reflect.Type, seen map[reflect.Type]bool) error {
	if seen[t] {
		return nil
	}
	seen[t] = true
	if marshals(t) {
		return nil
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return checkType(t.Elem(), seen)
	case reflect.Func, reflect.Chan, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		return fmt.Errorf("%v has no JSON form", t)
	case reflect.Interface:
		if t.NumMethod() > 0 {
			return fmt.Errorf("nobody can tell what to decode into the interface %v; use a concrete type", t)
		}
	case reflect.Struct:
		return checkStruct(t, seen)
	}
	return nil
}

func checkStruct(t reflect.Type, seen map[reflect.Type]bool) error {
	depth := make(map[string]int) // of what the embedded ones bring, by name: JSON drops both of two
	for _, f := range reflect.VisibleFields(t) {
		embedded := f.Anonymous && f.Type.Kind() == reflect.Struct
		switch {
		case f.Tag.Get("json") == "-" || !f.IsExported() && !embedded:
			return fmt.Errorf("JSON does not keep the field %s of %v; export it, or take it out of the payload", f.Name, t)
		case len(f.Index) > 1:
			continue // of an embedded one, which is checked by itself
		}
		if embedded && f.Tag.Get("json") == "" {
			for i := range f.Type.NumField() {
				depth[f.Type.Field(i).Name]++
			}
		}
		if err := checkType(f.Type, seen); err != nil {
			return err
		}
	}
	for name, n := range depth {
		if f, ok := t.FieldByName(name); n > 1 && (!ok || len(f.Index) > 1) {
			return fmt.Errorf("JSON keeps none of the fields %s that are embedded in %v twice; name the structs instead of embedding them", name, t)
		}
	}
	return nil
}

// anyOwnForm reports whether one of the types decides about its JSON, which then only a try can tell: it may have no way back,
// and in an interface a number becomes a float64.
func anyOwnForm(types map[reflect.Type]bool) bool {
	for t := range types {
		if t.Kind() == reflect.Interface || marshals(t) {
			return true
		}
	}
	return false
}

// marshals reports whether a type has a JSON form of its own.
func marshals(t reflect.Type) bool {
	for _, own := range []reflect.Type{reflect.TypeFor[json.Marshaler](), reflect.TypeFor[encoding.TextMarshaler]()} {
		if t.Implements(own) || reflect.PointerTo(t).Implements(own) {
			return true
		}
	}
	return false
}
