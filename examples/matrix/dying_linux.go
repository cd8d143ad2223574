package matrix

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/lastly-go/lastly"
)

// errTold is how a run fails on command.
var errTold = errors.New("failed because it was told to")

// die ends the victim from inside, by the way that its part names. It is called in run.
func (p part) die(ctx context.Context) error {
	switch p.Way {
	case "return":
		return nil
	case "error":
		return errTold
	case "panic":
		panic("told to")
	case "panic-scope-go":
		lastly.Go("worker", func(context.Context) error { panic("told to") })
	case "exit":
		lastly.Exit(3)
	case "panic-goroutine":
		go panic("told to")
	case "os-exit":
		os.Exit(3)
	case "log-fatal":
		log.Fatal("told to")
	case "map-write":
		writeConcurrently()
	case "stack-overflow":
		debug.SetMaxStack(1 << 20)
		fmt.Println(recurse(1))
	case "nil-dereference":
		go func() { fmt.Println(dereference(nil)) }()
	case "sigpipe":
		for ctx.Err() == nil {
			fmt.Println("is anybody there?")
		}
	case "exec":
		p.Role = roleExecuted
		env, err := p.environ(os.Environ())
		if err != nil {
			return err
		}
		return syscall.Exec("/proc/self/exe", []string{"lastly-matrix-executed"}, env)
	case "oom":
		const most = 2 * memoryLimit // it is in a cgroup with half of that
		return fmt.Errorf("took %d MiB in %d pieces, and nobody minded", most>>20, len(takeMemory(most)))
	default:
		return fmt.Errorf("there is no way to die called %q", p.Way)
	}
	<-ctx.Done()
	return nil
}

func writeConcurrently() {
	runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0))) // with one, each write would end before the next begins
	m := make(map[int]int)
	for range 8 {
		go func() { // ends with the process
			for i := 0; ; i++ {
				m[i&15] = i
			}
		}()
	}
}

func recurse(n int) int {
	if n < 0 {
		return 0
	}
	return n + recurse(n+1)
}

//go:noinline
func dereference(p *int) int { return *p }

// takeMemory takes so many bytes, or what the kernel lets it.
func takeMemory(most int) [][]byte {
	const chunk = 1 << 20
	debug.SetGCPercent(-1)
	var all [][]byte
	for size := 0; size < most; size += chunk {
		b := make([]byte, chunk)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		all = append(all, b)
	}
	return all
}

// logger is for the parts whose stderr is kept in a file, for whoever wants to know why a cell is not clean.
func logger() *slog.Logger { return slog.New(slog.NewTextHandler(os.Stderr, nil)) }
