//go:build unix

package lastly_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math/bits"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/testproc"
)

// Each of these dies the death that docs/deaths.md lists under its name.
var _ = addVictims(testproc.Victims{
	"return-nil":   underMain(func(context.Context) error { return nil }),
	"return-error": underMain(func(context.Context) error { return errFromRun }),
	"return-exit-error": underMain(func(context.Context) error {
		return fmt.Errorf("wrapped: %w", &lastly.ExitError{Code: 3})
	}),
	"panic-in-run":  underMain(func(context.Context) error { explode(); return nil }),
	"goexit-in-run": underMain(func(context.Context) error { runtime.Goexit(); return nil }),
	"nil-dereference-in-run": underMain(func(context.Context) error {
		say("%d", dereference(nil))
		return nil
	}),
	"run-does-not-return": func([]string) {
		hook("one")
		hook("two")
		lastly.Program{HookTimeout: 500 * time.Millisecond}.Main(func(ctx context.Context) error {
			_ = untilAsked(ctx)
			forever()
			return nil
		})
	},

	"error-in-hook":  withHook(func() error { return errFromRun }),
	"panic-in-hook":  withHook(func() error { explode(); return nil }),
	"goexit-in-hook": withHook(func() error { runtime.Goexit(); return nil }),
	"hook-hangs":     withHook(func() error { forever(); return nil }),
	"error-in-go":    withGo(func(context.Context) error { return errFromRun }),
	"panic-in-go":    withGo(func(context.Context) error { explode(); return nil }),

	"exit-in-run":       underMain(func(context.Context) error { lastly.Exit(3); return nil }),
	"exit-in-goroutine": whileWaiting(func() { lastly.Exit(3) }),
	"exit-in-handler":   whileWaiting(exitInHandler),
	"exit-in-hook":      withHook(func() error { lastly.Exit(3); return nil }),
	"exit-in-go":        withGo(func(context.Context) error { lastly.Exit(3); return nil }),
	"exit-without-main": func([]string) {
		hook("one")
		hook("two")
		lastly.Exit(3)
	},
	"main-returns-first": func([]string) {
		exiting := make(chan struct{})
		hook("one")
		lastly.Defer("slow", func() { close(exiting); forever() })
		go lastly.Exit(3)
		<-exiting
	},
	"exit-before-main": func([]string) {
		hook("one")
		beginning := make(chan struct{})
		lastly.Defer("two", func() { say("hook two"); <-beginning; testproc.Linger(20 * time.Millisecond) })
		go lastly.Exit(3)
		<-lastly.Process().Context().Done()
		close(beginning)
		lastly.Main(func(context.Context) error { say("run was started"); return nil })
	},
	"fatal": underMain(func(context.Context) error { lastly.Fatal("fatal message"); return nil }),

	"os-exit": whileWaiting(func() { os.Exit(3) }),
	"os-exit-in-hook": func([]string) {
		hook("one")
		lastly.Defer("exits", func() { os.Exit(3) })
		hook("two")
		lastly.Main(func(context.Context) error { return nil })
	},
	"log-fatal": whileWaiting(func() { log.Fatal("fatal message") }),
	"panic-in-foreign-goroutine": whileWaiting(func() {
		go explode()
	}),
	"nil-dereference-in-foreign-goroutine": whileWaiting(func() {
		go say("%d", dereference(nil))
	}),
	"concurrent-map-writes": whileWaiting(func() {
		runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0))) // with one, each write would end before the next begins
		m := make(map[int]int)
		for range 8 {
			go func() {
				for i := 0; ; i++ {
					m[i&15] = i
				}
			}()
		}
	}),
	"unlock-of-unlocked-mutex": whileWaiting(func() {
		var mu sync.Mutex
		mu.Unlock()
	}),
	"stack-overflow": whileWaiting(func() {
		debug.SetMaxStack(1 << 20)
		say("%d", recurse(1))
	}),
	"out-of-memory": whileWaiting(func() {
		var all [][]byte
		const most = 1 << (30 + 17*(bits.UintSize/64))
		for len(all) < 1<<20 { // more than there are addresses, so that it does not depend on the machine
			all = append(all, make([]byte, most))
		}
	}),
	"all-asleep": func([]string) {
		hook("one")
		hook("two")
		say("ready")
		select {}
	},
	"all-asleep-under-main": programVictim(lastly.Program{HookTimeout: 500 * time.Millisecond}, func(context.Context) error {
		say("ready")
		select {}
	}),

	"sigint":              underMain(untilAsked),
	"sigterm-finished":    underMain(untilAsked),
	"sigterm-interrupted": underMain(untilInterrupted),
	"sigterm-failed": underMain(func(ctx context.Context) error {
		_ = untilAsked(ctx)
		return errFromRun
	}),
	"sighup":          underMain(untilInterrupted),
	"sigint-ignored":  underMain(untilAsked),
	"signal-too-soon": func([]string) { hook("one"); hook("two"); say("ready"); forever() },
	"second-signal": func([]string) {
		hook("one")
		lastly.Defer("two", func() { say("hook two"); forever() })
		lastly.Main(untilAsked)
	},
	"sigpipe": func([]string) {
		for _, name := range []string{"one", "two"} {
			lastly.Defer(name, func() { fmt.Fprintln(os.Stderr, "hook "+name) })
		}
		lastly.Main(writeUntilAsked)
	},
	"sigpipe-of-socket": underMain(func(ctx context.Context) error {
		breakSocket()
		return untilAsked(ctx)
	}),
	"sigquit":       underMain(untilAsked),
	"sigquit-asked": programVictim(lastly.Program{Signals: []os.Signal{syscall.SIGQUIT}}, untilInterrupted),
	"sigabrt":       underMain(untilAsked),
	"sigsegv":       underMain(untilAsked),
	"sigusr1":       underMain(untilAsked),
	"sigkill":       underMain(untilAsked),
	"sigstop":       underMain(untilAsked),
	"exec": whileWaiting(func() {
		_ = syscall.Exec("/bin/sh", []string{"sh", "-c", "echo the next program; exit 5"}, nil)
	}),
})

func programVictim(p lastly.Program, run func(context.Context) error) func([]string) {
	return func([]string) {
		hook("one")
		hook("two")
		p.Main(run)
	}
}

func untilInterrupted(ctx context.Context) error {
	_ = untilAsked(ctx)
	return fmt.Errorf("wrapped: %w", ctx.Err())
}

func writeUntilAsked(ctx context.Context) error {
	for ctx.Err() == nil {
		say("ready")
	}
	return nil
}

// withHook is a victim whose run returns nil, and with a hook between two others.
func withHook(run func() error) func([]string) {
	return func([]string) {
		hook("one")
		lastly.Register(lastly.Hook{Name: "between", Timeout: 50 * time.Millisecond, Run: func(context.Context) error { return run() }})
		hook("two")
		lastly.Main(func(context.Context) error { return nil })
	}
}

// withGo is a victim whose run returns nil when it is asked to, and with a Go.
func withGo(run func(context.Context) error) func([]string) {
	return func([]string) {
		hook("one")
		hook("two")
		lastly.Main(func(ctx context.Context) error {
			lastly.Go("worker", run)
			return untilAsked(ctx)
		})
	}
}

// whileWaiting is a victim that dies by what it does in another goroutine than run's.
func whileWaiting(do func()) func([]string) {
	return underMain(func(ctx context.Context) error {
		go do()
		return untilAsked(ctx)
	})
}

func exitInHandler() {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{
		ReadHeaderTimeout: time.Minute,
		Handler:           http.HandlerFunc(func(http.ResponseWriter, *http.Request) { lastly.Exit(3) }),
	}
	lastly.Defer("server", server.Shutdown) // waits for handlers: one that called Exit must count as ended
	go func() {
		if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			log.Fatal(err)
		}
	}()
	resp, err := http.Get("http://" + ln.Addr().String())
	if err == nil {
		_ = resp.Body.Close()
	}
}

// breakSocket writes to a connection that the peer has reset, until the write fails.
func breakSocket() {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	pipes := make(chan os.Signal, 1)
	signal.Notify(pipes, syscall.SIGPIPE)
	defer signal.Stop(pipes)
	go func() {
		if c, err := net.Dial("tcp", ln.Addr().String()); err == nil {
			_ = c.Close()
		}
	}()
	c, err := ln.Accept()
	if err != nil {
		log.Fatal(err)
	}
	for err == nil {
		_, err = c.Write(make([]byte, 1<<10))
	}
	for !errors.Is(err, syscall.EPIPE) { // the first failure says that the connection was reset
		_, err = c.Write(make([]byte, 1<<10))
	}
	<-pipes
	testproc.Linger(50 * time.Millisecond)
}

//go:noinline
func dereference(p *int) int { return *p }

func recurse(n int) int {
	if n < 0 {
		return 0
	}
	return n + recurse(n+1)
}
