package web_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/resource"
	"github.com/lastly-go/lastly/web"
)

// TestListenerIsUsed says that a listener with a hook of its own is there until its server has drained, also when the
// server names what it uses and forgets it.
func TestListenerIsUsed(t *testing.T) {
	for _, test := range []struct {
		child string // whose child scope the listener is on
		uses  []string
		want  string // what is added, but for the address
	}{
		{"", []string{"database"}, "listener tcp "},
		{"", lastly.Nothing, "listener tcp "},
		{"", nil, ""},
		{"port", []string{"database"}, "port"},
		{"port", []string{"database", "port"}, ""},
	} {
		s := &lastly.Scope{}
		on := s
		if test.child != "" {
			on = s.Child(lastly.Hook{Name: test.child})
		}
		ln, err := resource.Listen(on, "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := ln.Addr().String()
		o := web.Options{Name: "api", Uses: test.uses, DrainDelay: 100 * time.Millisecond}
		if err := web.Serve(s, &http.Server{Handler: hello()}, ln, o); err != nil {
			t.Fatal(err)
		}
		want := slices.Clone(test.uses)
		switch test.want {
		case "":
		case "port":
			want = append(want, "port")
		default:
			want = append(want, test.want+addr)
		}
		hooks := s.Report().Hooks
		if got := hooks[len(hooks)-1].Uses; !slices.Equal(got, want) {
			t.Errorf("uses %q, want %q", got, want)
		}
		closed := closing(s)
		<-s.Context().Done()
		if _, body := get(t, "http://"+addr); body != "hello" {
			t.Errorf("%+v: got %q while it delays", test, body)
		}
		if err := <-closed; err != nil {
			t.Errorf("%+v: %v", test, err)
		}
	}
}
