package action

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lastly-go/lastly/internal/proc"
	"github.com/lastly-go/lastly/internal/testproc"
)

func TestMain(m *testing.M) { os.Exit(testproc.Main(m, victims, killVictims)) }

var victims = testproc.Victims{
	"proxied": func(args []string) {
		testproc.Say("%v", Request{Method: "POST", URL: args[0]}.Do(context.Background(), "k"))
	},
}

// decode is a strict decoder, as the journal's reader has one.
func decode(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

func TestStrictJSON(t *testing.T) {
	t.Parallel()
	for _, full := range []any{
		&Kill{Pid: 7, Mark: NewMark(), Group: true, Grace: time.Second, Await: time.Second, Target: &proc.ID{Pid: 7, Start: 1, Boot: "b", Namespace: 2, Inode: 3}},
		&Command{Args: []string{"a", ""}, Dir: "d", Env: []string{"A"}, Files: map[string]string{"F": "f"}},
		&Request{
			Method: "POST", URL: "http://h/", Header: map[string]string{"A": "b"}, Body: []byte{0, 255},
			HeaderFrom: map[string]Secret{"B": {Env: "E", Prefix: "p"}, "C": {File: "f"}},
			Sign:       &Signature{Key: Secret{File: "k"}, Header: "S"},
		},
	} {
		kind := reflect.TypeOf(full).Elem()
		for i := range kind.NumField() {
			if reflect.ValueOf(full).Elem().Field(i).IsZero() {
				t.Errorf("%v: this test leaves %s out", kind, kind.Field(i).Name)
			}
		}
		for _, value := range []any{full, reflect.New(kind).Interface()} {
			text, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			got := reflect.New(kind).Interface()
			if err := decode(text, got); err != nil || !reflect.DeepEqual(got, value) {
				t.Errorf("%s -> %#v, %v", text, got, err)
			}
		}
	}
}

// secretWord is in whatever must not be shown.
const secretWord = "hunter2hunter2hunter2"

// checkHidden fails if a text shows the secret, whole or a good part of it.
func checkHidden(t *testing.T, what string, text any) {
	t.Helper()
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if shown := fmt.Sprintf(format, text); strings.Contains(shown, "hunter2") {
			t.Errorf("%s: %s shows the secret: %s", what, format, shown)
		}
	}
}

// write writes a file of the test.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// checkError fails if the error lacks a text, or has none to do next.
func checkError(t *testing.T, err error, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("error %v, want one with %q", err, text)
			return
		}
	}
}

func TestReadSecret(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"word": "word", "word\n": "word", "word\r\n": "word", " two words \n": " two words ", "word\n\n": "word\n",
		strings.Repeat("x", maxSecret): strings.Repeat("x", maxSecret),
	} {
		if got, err := readSecret(write(t, "secret", text)); got != want || err != nil {
			t.Errorf("%.20q: %.20q, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"": "empty", "\n": "empty", secretWord + "\x00": "zero byte", secretWord + strings.Repeat("x", maxSecret): "larger than",
	} {
		_, err := readSecret(write(t, "secret", text))
		checkError(t, err, want)
		checkHidden(t, "readSecret", err)
	}
	_, err := readSecret(filepath.Join(t.TempDir(), "none"))
	checkError(t, err, "none", "no such file")
}

// TestNothingStays: no descriptor and no goroutine is left of what was done.
func TestNothingStays(t *testing.T) { // not parallel: it counts
	files := func() int {
		names, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			testproc.Skip(t, "counts in /proc")
		}
		return len(names)
	}
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	request := Request{Method: "DELETE", URL: server.URL}
	command, err := Command{Args: []string{"true"}}.Capture()
	if err != nil {
		t.Fatal(err)
	}
	all := func() {
		p := testproc.Start(t, "proxied", "http://127.0.0.1:1/")
		kill, err := Kill{Pid: p.Pid(), Mark: NewMark(), Group: true, Grace: time.Second}.Capture()
		if err != nil && !errors.Is(err, proc.ErrGone) {
			t.Fatal(err)
		}
		if err == nil {
			err = kill.Do(t.Context())
		} else {
			err = nil
		}
		if err := errors.Join(err, command.Do(t.Context()), request.Do(t.Context(), "k")); err != nil {
			t.Error(err)
		}
		p.Wait()
	}
	all()
	server.CloseClientConnections()
	files0, goroutines0 := files(), runtime.NumGoroutine()
	for range 5 {
		all()
	}
	testproc.Poll(t, "descriptors and goroutines to be as many as before", func() bool {
		return files() <= files0 && runtime.NumGoroutine() <= goroutines0
	})
}
