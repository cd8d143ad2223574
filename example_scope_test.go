package lastly_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/lastly-go/lastly"
)

// Who runs what: a zero Scope belongs to nobody. It suits a request, a test, a component that has its own Close.
func ExampleScope_Register() {
	handle := func(path string) (err error) {
		var request lastly.Scope
		defer func() { err = errors.Join(err, request.Close()) }()

		lastly.DeferIn(&request, "spool file", func() { fmt.Println("spool file removed") })
		lastly.DeferIn(&request, "row lock", func() { fmt.Println("row unlocked") })
		fmt.Println("serving", path)
		return nil
	}
	fmt.Println(handle("/upload"))
	// Output:
	// serving /upload
	// row unlocked
	// spool file removed
	// <nil>
}

// Who runs what: a child is one hook of its parent, and is closed at its place in the order. A name means a hook of the
// same scope, so the child's own names are its own business.
func ExampleScope_Child() {
	var app lastly.Scope
	lastly.DeferIn(&app, "database", func() { fmt.Println("database closed") })

	mail := app.Child(lastly.Hook{Name: "mail", Uses: []string{"database"}})
	lastly.DeferIn(mail, "connection", func() { fmt.Println("mail: connection closed") })
	lastly.DeferIn(mail, "queue", func() { fmt.Println("mail: queue empty") })

	app.Close()
	// Output:
	// mail: queue empty
	// mail: connection closed
	// database closed
}

// Who runs what: to build several things or none, register on a child and defer its Rollback. On success, the child
// stays where it is.
func ExampleScope_Rollback() {
	var app lastly.Scope
	open := func(port int) (err error) {
		part := app.Child(lastly.Hook{Name: "listener"})
		defer part.Rollback(&err)

		lastly.DeferIn(part, "socket", func() { fmt.Println("socket closed") })
		if port < 1024 {
			return errors.New("port needs privileges")
		}
		lastly.DeferIn(part, "announcement", func() { fmt.Println("announcement withdrawn") })
		return nil
	}
	fmt.Println("80:", open(80))
	fmt.Println("8080:", open(8080))
	fmt.Println("closing")
	app.Close()
	// Output:
	// socket closed
	// 80: port needs privileges
	// 8080: <nil>
	// closing
	// announcement withdrawn
	// socket closed
}

// Who runs what: a Go is stopped and awaited at its place in the order. Its context ends there, not before, so the worker
// still takes what the server hands it while the server ends.
func ExampleScope_Go() {
	var scope lastly.Scope
	jobs := make(chan string)
	lastly.DeferIn(&scope, "database", func() { fmt.Println("database closed") })
	scope.Go(lastly.Hook{
		Name: "worker",
		Uses: []string{"database"},
		Run: func(ctx context.Context) error {
			for {
				select {
				case job := <-jobs:
					fmt.Println("wrote", job)
				case <-ctx.Done():
					fmt.Println("worker stopped")
					return ctx.Err() // no failure: it says only that it was told to stop
				}
			}
		},
	})
	scope.Register(lastly.Hook{
		Name: "server",
		Uses: []string{"worker"},
		Run:  lastly.Func(func() { jobs <- "the last request" }),
	})
	fmt.Println(scope.Close())
	// Output:
	// wrote the last request
	// worker stopped
	// database closed
	// <nil>
}

// Who runs what: a Go that fails begins the close of its own scope. On the process scope, that is the exit flow.
func ExampleGo() {
	program := lastly.Program{OnExit: func(r lastly.Report) {
		if failure, ok := errors.AsType[*lastly.HookError](r.Cause); ok {
			fmt.Println("cause:", failure.Name+":", failure.Err)
		}
	}, Logger: discard}
	code := program.Run(context.Background(), func(ctx context.Context) error {
		lastly.Defer("database", func() { fmt.Println("database closed") })
		lastly.Go("consumer", func(context.Context) error {
			return errors.New("topic is gone")
		})
		<-ctx.Done()
		return nil
	})
	fmt.Println("exit code", code)
	// Output:
	// database closed
	// cause: consumer: topic is gone
	// exit code 1
}

// Who runs what: closing waits for what is held before any hook starts. A request that comes too late is told so.
func ExampleScope_Hold() {
	var scope lastly.Scope
	lastly.DeferIn(&scope, "database", func() { fmt.Println("database closed") })

	release, err := scope.Hold("request 1")
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() {
		defer release()
		<-scope.Context().Done() // stands for: it takes until after closing has begun
		fmt.Println("request 1 answered")
	}()
	scope.Close()

	_, err = scope.Hold("request 2")
	fmt.Println("too late:", errors.Is(err, lastly.ErrClosing))
	// Output:
	// request 1 answered
	// database closed
	// too late: true
}

// Who runs what: Scope.Context ends when closing begins, and its cause tells why.
func ExampleScope_Context() {
	var scope lastly.Scope
	ctx := scope.Context()
	fmt.Println(ctx.Err())
	scope.Close()
	fmt.Println(ctx.Err(), "because:", context.Cause(ctx))
	// Output:
	// <nil>
	// context canceled because: lastly: scope is closing
}

// Closed is for whoever wants to know the end without asking for it.
func ExampleScope_Closed() {
	var scope lastly.Scope
	lastly.DeferIn(&scope, "server", func() { fmt.Println("server stopped") })
	go scope.Close()
	<-scope.Closed()
	fmt.Println("all has run:", scope.Close())
	// Output:
	// server stopped
	// all has run: <nil>
}

// Not kept alive: a cancelled hook leaves nothing behind.
func ExampleHandle_Cancel_leavesNothing() {
	var scope lastly.Scope
	for range 100_000 {
		lastly.DeferIn(&scope, "tracer", func() {}).Cancel()
	}
	fmt.Println(len(scope.Report().Hooks), "hooks")
	// Output: 0 hooks
}

// Not kept alive: Attach ties a hook to an object without keeping the object alive. The hook runs at its collection or
// when the scope closes, once. It must not reference the object.
func ExampleAttach() {
	type image struct{ pixels []byte }
	var scope lastly.Scope
	freed := make(chan string, 1)

	img := &image{pixels: make([]byte, 1<<12)}
	lastly.Attach(&scope, img, lastly.Hook{
		Name: "texture",
		Run:  lastly.Func(func() { freed <- "texture 7 freed" }),
	})
	fmt.Println(len(img.pixels), "bytes shown") // the last use

	for done := false; !done; {
		runtime.GC()
		select {
		case what := <-freed:
			fmt.Println(what)
			done = true
		default:
			runtime.Gosched()
		}
	}
	fmt.Println("close:", scope.Close())
	// Output:
	// 4096 bytes shown
	// texture 7 freed
	// close: <nil>
}
