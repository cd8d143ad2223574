package web_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/resource"
	"github.com/lastly-go/lastly/web"
)

// A listening is a server on a listener that has a hook of its own.
type listening struct {
	child string // whose child scope the listener is on
	uses  []string
	want  string // what is added, but for the address
}

// TestListenerIsUsed says that a listener with a hook of its own is there until its server has drained, also when the
// server names what it uses and forgets it.
func TestListenerIsUsed(t *testing.T) {
	for i, test := range []listening{
		{"", []string{"database"}, "listener tcp "},
		{"", lastly.Nothing, "listener tcp "},
		{"", nil, ""},
		{"port", []string{"database"}, "port"},
		{"port", []string{"database", "port"}, ""},
	} {
		t.Run(fmt.Sprint(i), test.run)
	}
}

func (l *listening) run(t *testing.T) {
	t.Parallel()
	s := &lastly.Scope{}
	on := s
	if l.child != "" {
		on = s.Child(lastly.Hook{Name: l.child})
	}
	ln, err := resource.Listen(on, "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	// The delay has to be longer than a request takes on a machine that is very busy.
	o := web.Options{Name: "api", Uses: l.uses, DrainDelay: 5 * time.Second}
	if err := web.Serve(s, &http.Server{Handler: hello()}, ln, o); err != nil {
		t.Fatal(err)
	}
	want := slices.Clone(l.uses)
	switch l.want {
	case "":
	case "port":
		want = append(want, "port")
	default:
		want = append(want, l.want+addr)
	}
	hooks := s.Report().Hooks
	if got := hooks[len(hooks)-1].Uses; !slices.Equal(got, want) {
		t.Errorf("uses %q, want %q", got, want)
	}
	closed := closing(s)
	<-s.Context().Done()
	if _, body := get(t, "http://"+addr); body != "hello" {
		t.Errorf("got %q while it delays", body)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}
