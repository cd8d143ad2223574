package web_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/web"
)

// The order of an exit falls out of what uses what: the server ends first, with what is in flight, then the database that its
// requests use, then the log.
func ExampleServe() {
	var scope lastly.Scope // lastly.Process() in a program
	scope.Register(lastly.Hook{Name: "log", Last: true, Run: say("log flushed")})
	scope.Register(lastly.Hook{Name: "database", Run: say("database closed")})

	mux := http.NewServeMux()
	mux.Handle("/readyz", web.Ready(&scope))
	mux.Handle("/livez", web.Live())
	arrived := make(chan struct{})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-web.Draining(r.Context()) // a slow answer
		_, _ = io.WriteString(w, "the whole answer")
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := web.Serve(&scope, &http.Server{Handler: mux}, ln, web.Options{Name: "api", Uses: []string{"database"}}); err != nil {
		fmt.Println(err)
		return
	}

	answered := make(chan string)
	go func() { answered <- bodyOf(http.DefaultClient, "http://"+ln.Addr().String()) }()
	<-arrived
	if err := scope.Close(); err != nil {
		fmt.Println(err)
	}
	fmt.Println(<-answered)
	fmt.Println(scope.Report().Hooks[2].Note)
	// Output:
	// database closed
	// log flushed
	// the whole answer
	// served 1, drained 1, cut 0
}

// Readiness waits for what startup needs, and fails the moment the exit flow begins; liveness doesn't.
func ExampleReady() {
	var scope lastly.Scope // lastly.Process() in a program
	ready := web.Ready(&scope)
	warm := make(chan struct{})
	ready.Gate("cache", func(context.Context) error {
		<-warm
		return nil
	})

	fmt.Println(status(ready))
	close(warm)
	for ready.Reason() != "" {
		runtime.Gosched()
	}
	fmt.Println(status(ready))
	_ = scope.Close()
	fmt.Println(status(ready))
	fmt.Println(status(web.Live()))
	// Output:
	// 503 waiting for: cache
	// 200 ok
	// 503 closing
	// 200 ok
}

// A check of the startup that fails ends the program before it was ever ready.
func ExampleReadiness_Gate() {
	var scope lastly.Scope // lastly.Process() in a program
	ready := web.Ready(&scope)
	ready.Gate("migration", func(context.Context) error { return errors.New("table users is locked") })
	<-scope.Closed()
	var cause *lastly.HookError
	errors.As(context.Cause(scope.Context()), &cause)
	fmt.Println(cause.Name+":", cause.Err)
	// Output: gate migration: table users is locked
}

// A stream of events says goodbye when its server drains; it would go on for ever.
func ExampleDraining() {
	var scope lastly.Scope // lastly.Process() in a program
	events := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "data: hello\n\n")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-web.Draining(r.Context()):
			_, _ = io.WriteString(w, "event: bye\nretry: 100\ndata:\n\n")
		case <-r.Context().Done(): // the client has gone, or the time is over
		}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := web.Serve(&scope, &http.Server{Handler: http.HandlerFunc(events)}, ln, web.Options{}); err != nil {
		fmt.Println(err)
		return
	}
	resp, err := http.Get("http://" + ln.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	go func() { _ = scope.Close() }() // a signal, say
	text, _ := io.ReadAll(resp.Body)
	fmt.Printf("%s", text)
	<-scope.Closed()
	// Output:
	// data: hello
	//
	// event: bye
	// retry: 100
	// data:
}

// New jobs are turned away as soon as closing begins, while everything else is still served.
func ExampleMiddleware() {
	var scope lastly.Scope // lastly.Process() in a program
	accepting := web.Middleware(&scope, web.Options{Reject: true, RetryAfter: 2 * time.Second})
	mux := http.NewServeMux()
	mux.Handle("POST /jobs", accepting(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "accepted")
	})))
	post := func() {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest("POST", "/jobs", nil))
		fmt.Println(w.Code, w.Header()["Retry-After"])
	}
	post()
	_ = scope.Close()
	post()
	// Output:
	// 200 []
	// 503 [2]
}

func say(text string) func(context.Context) error {
	return func(context.Context) error {
		fmt.Println(text)
		return nil
	}
}

func status(h http.Handler) string {
	code, body := probe(h)
	return fmt.Sprint(code, " ", body)
}
