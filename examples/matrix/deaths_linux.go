package matrix

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"
)

// A death is one way for a victim to end.
type death struct {
	name, title string
	by          []string // who may release what it held, as docs/deaths.md has it
	exit        []string // how it ends
	way         string   // how it dies when it is told to; "" if it is not told
	crash       string   // what the runtime's last words contain; Go keeps the line "fatal error: ..." of a throw from the guard
	note        string

	end   func(context.Context, *trial) error
	needs func(*trial) (skip string) // what this machine must have, and makes it; nil is nothing
	hold  bool                       // whoever settles the program's own kind first never comes back, and dies of something
	then  string                     // the role of who comes afterwards; "" is nobody
	// takes: the death may take the other processes with it. spares: what is left of them is not touched.
	takes, spares bool
}

const (
	killed  = "signal killed"
	changed = "exec" // it lives on as something else
)

// deaths are all deaths, in the order of the table.
func deaths() []death { return slices.Concat(orderly(), crashes(), kills(), worse()) }

// Deaths are the names of all deaths, in their order.
func Deaths() []string {
	var names []string
	for _, d := range deaths() {
		names = append(names, d.name)
	}
	return names
}

// orderly are those where the process still runs its own hooks.
func orderly() []death {
	inside := func(name, title, exit string) death {
		return death{name: name, title: title, way: name, by: []string{ByHook}, exit: []string{exit}, end: tell}
	}
	signal := func(name, title string, sig syscall.Signal, exit string) death {
		return death{name: name, title: title, by: []string{ByHook}, exit: []string{exit}, end: signaled(sig)}
	}
	return []death{
		inside("return", "run returns nil", "exit 0"),
		inside("error", "run returns an error", "exit 1"),
		inside("exit", "lastly.Exit", "exit 3"),
		inside("panic", "panic in run", "exit 2"),
		inside("panic-scope-go", "panic in a scope's goroutine", "exit 1"),
		signal("sigint", "SIGINT", syscall.SIGINT, "signal interrupt"),
		signal("sigterm", "SIGTERM", syscall.SIGTERM, "exit 0"),
		signal("sighup", "SIGHUP", syscall.SIGHUP, "exit 0"),
		{
			name: "sigpipe", title: "SIGPIPE, stdout is broken", way: "sigpipe", by: []string{ByHook}, exit: []string{"signal broken pipe"},
			end: func(ctx context.Context, t *trial) error { return errors.Join(t.stdout.Close(), tell(ctx, t)) },
		},
	}
}

// crashes are those where Go, or the program, ends the process without asking anybody.
func crashes() []death {
	inside := func(name, title, exit, crash string) death {
		return death{name: name, title: title, way: name, by: []string{ByGuard}, exit: []string{exit}, crash: crash, end: tell}
	}
	quit := func(name, title string, sig syscall.Signal, crash string) death {
		return death{name: name, title: title, by: []string{ByGuard}, exit: []string{"exit 2"}, crash: crash, end: signaled(sig)}
	}
	return []death{
		inside("os-exit", "os.Exit", "exit 3", ""),
		inside("log-fatal", "log.Fatal", "exit 1", ""),
		inside("panic-goroutine", "panic in a foreign goroutine", "exit 2", "panic: told to"),
		inside("nil-dereference", "nil dereference there", "exit 2", "nil pointer dereference"),
		inside("map-write", "concurrent map writes", "exit 2", "maps.fatal"),
		inside("stack-overflow", "stack overflow", "exit 2", "runtime.morestack"),
		quit("sigquit", "SIGQUIT", syscall.SIGQUIT, "SIGQUIT"),
		quit("sigabrt", "SIGABRT", syscall.SIGABRT, "SIGABRT"),
		{
			name: asleep, title: "all goroutines asleep, no Main", way: asleep, by: []string{ByGuard}, exit: []string{"signal terminated"},
			end: func(ctx context.Context, t *trial) error {
				if err := tell(ctx, t); err != nil {
					return err
				}
				if t.wait(ctx, asleepLimit) == nil {
					return nil
				}
				return signaled(syscall.SIGTERM)(ctx, t)
			},
			note: "Go does not notice while something waits for a descriptor or for a child, as whoever has a guard does: the SIGTERM that follows ends it",
		},
	}
}

// kills are those that nothing inside a process sees coming.
func kills() []death {
	return []death{
		{name: "sigkill", title: "SIGKILL", by: []string{ByGuard}, exit: []string{killed}, end: signaled(syscall.SIGKILL)},
		{
			name: "sigkill-group", title: "SIGKILL of the process group", by: []string{ByGuard}, exit: []string{killed},
			end: func(_ context.Context, t *trial) error {
				t.caused = time.Now()
				return syscall.Kill(-t.cmd.Process.Pid, syscall.SIGKILL)
			},
		},
		{
			name: "oom", title: "OOM kill of the process", way: "oom", by: []string{ByGuard}, exit: []string{killed},
			needs: func(t *trial) string { return t.limitMemory(false) }, end: starve,
		},
		{
			name: "second-signal", title: "SIGINT, a hook hangs, SIGTERM", by: []string{ByHook, ByGuard}, exit: []string{"exit 143"}, hold: true,
			end:  whileItSettles(syscall.SIGINT, syscall.SIGTERM),
			note: "hooks do what comes before the one that hangs, the guard the rest",
		},
		{
			name: "sigkill-in-hook", title: "SIGTERM, SIGKILL in a hook", by: []string{ByHook, ByGuard}, exit: []string{killed}, hold: true,
			end: whileItSettles(syscall.SIGTERM, syscall.SIGKILL),
		},
		{
			name: "exec", title: "exec of another program", way: "exec", by: []string{ByGuard}, exit: []string{changed}, end: tell,
			note: "the process lives on as that program, and is not harmed",
		},
	}
}

// worse are those where something happens to the guard as well.
func worse() []death {
	return []death{
		{name: "guard-first", title: "SIGKILL of the guard, then of its owner", by: []string{ByGuard}, exit: []string{killed}, end: guardFirst},
		{
			name: "sigkill-in-settle", title: "SIGKILL, and of the guard in a settle", by: []string{ByGuard, ByNext}, exit: []string{killed},
			hold: true, then: roleNext,
			end: func(ctx context.Context, t *trial) error {
				return errors.Join(whileItSettles(syscall.SIGKILL, 0)(ctx, t), t.killGuards(ctx))
			},
			note: "what was tried already is due again after a second",
		},
		{name: "both", title: "SIGKILL of both at once", by: []string{ByNext}, exit: []string{killed}, end: both, then: roleNext},
		{name: "both-swept", title: "SIGKILL of both, and then a sweep", by: []string{BySweep}, exit: []string{killed}, end: both, then: roleSweep},
		{
			name: "oom-group", title: "OOM kill of the guard too", way: "oom", by: []string{ByNext}, exit: []string{killed}, then: roleNext, takes: true,
			needs: func(t *trial) string { return t.limitMemory(true) }, end: starveBoth,
		},
		{
			name: "next-boot", title: "SIGKILL of both, next start after a boot", by: []string{ByNext}, exit: []string{killed}, end: both,
			then: roleNext, spares: true,
			needs: func(t *trial) string { return t.bootAnew() },
			note:  "another boot id, the same processes: after a boot, whatever has their numbers is a bystander",
		},
		{
			name: "container", title: "container killed and started again", by: []string{ByNext}, exit: []string{killed},
			end: signaled(syscall.SIGKILL), then: roleNext, takes: true,
			needs: func(t *trial) string { return t.contain() },
			note:  "as PID 1 of a PID namespace, the folder on a volume: all processes die with it, a guard as well",
		},
	}
}

// tell is the death of a victim that is told to.
func tell(_ context.Context, t *trial) error {
	t.caused = time.Now()
	_, err := t.stdin.Write([]byte("die\n"))
	return err
}

// signaled is a death by a signal from outside.
func signaled(sig syscall.Signal) func(context.Context, *trial) error {
	return func(_ context.Context, t *trial) error {
		t.caused = time.Now()
		return t.cmd.Process.Signal(sig)
	}
}

// whileItSettles is a death by two signals: the second when whoever the first sets going settles the program's own kind.
func whileItSettles(first, second syscall.Signal) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		if err := signaled(first)(ctx, t); err != nil {
			return err
		}
		if err := within(ctx, stepLimit, func() bool { return exists(t.path(takenName)) }); err != nil {
			return fmt.Errorf("wait for somebody to settle: %w", err)
		}
		if second == 0 {
			return nil
		}
		return signaled(second)(ctx, t)
	}
}

// guardFirst kills the guard, and the owner as soon as it has started another one.
func guardFirst(ctx context.Context, t *trial) error {
	old := t.processes[roleGuard]
	if err := old.kill(); err != nil {
		return err
	}
	if err := within(ctx, stepLimit, func() bool { return len(t.guards()) > 0 && !old.lives() }); err != nil {
		return fmt.Errorf("wait for another guard: %w", err)
	}
	return signaled(syscall.SIGKILL)(ctx, t)
}

// both kills the guard and its owner. The guard is stopped for that moment: else the one would replace the other, or the
// other begin to settle.
func both(ctx context.Context, t *trial) error {
	guard := t.processes[roleGuard]
	if err := syscall.Kill(guard.pid, syscall.SIGSTOP); err != nil {
		return err
	}
	return errors.Join(signaled(syscall.SIGKILL)(ctx, t), guard.kill())
}
