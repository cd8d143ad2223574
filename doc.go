// Package lastly runs what must be undone when a program ends, in the right order and inside a deadline, however the
// program ends: return, error, panic, [Exit], signal.
//
// Hooks run in this process, so none runs after os.Exit, a panic in a foreign goroutine, a fatal error of the runtime or
// SIGKILL; see "What it can't see". What must be undone even then is registered with package durable, whose hooks are
// written down as well, and are carried out by another process if this one can't. Package resource makes and registers what
// programs really own (temporary folders, files, locks, listeners, process trees), and package web ends HTTP servers so that
// no request is lost: a line each.
//
// # A first program
//
//	func main() {
//		lastly.Main(func(ctx context.Context) error {
//			dir, err := os.MkdirTemp("", "work-")
//			if err != nil {
//				return err
//			}
//			lastly.Defer("temp folder", func() error { return os.RemoveAll(dir) })
//
//			return work(ctx, dir) // returns when ctx ends: a signal, an Exit
//		})
//	}
//
// A cleanup is a function that undoes something; func(), func() error and both with a [context.Context] will do. A
// [Hook] is a cleanup with its name, what it uses and its timeout. A [Scope] owns hooks, and closing it runs them. What
// registering returns is a [Handle]: Cancel forgets the hook, Run runs it early.
//
// # Order
//
// A hook runs before everything that it uses.
//
//   - Uses is empty: the hook uses every hook registered before it in its scope. That is last in, first out, as with
//     defer.
//   - Uses names some: it uses those and no others, so that independent hooks run side by side.
//   - Uses is [Nothing]: it uses none, so it keeps back only what is Last.
//   - Last: the hook (a flush of logs or telemetry) is used by every hook that is not Last. What a Last hook names is
//     Last too; one that names nothing uses the Last ones before it.
//
// A hook starts the moment the last hook that uses it has ended; there are no waves and no priorities. A name means
// every hook of the scope that bears it, and may be registered later. A hook that an earlier one names counts as
// registered just before that one, so that only explicit names can form a loop. A loop stops no exit: its members run
// in reverse order of registration. [Scope.Check] lists loops and names that nobody registered; call it in a test.
// docs/order.md has pictures.
//
// # Once, and all
//
// A hook runs at most once, whoever asks: its handle, the close, two closers at once, the garbage collector. Concurrent
// closers share one run and one result.
//
// Whatever a hook does, the others run. It may return an error, panic, call runtime.Goexit or [Exit], register more,
// close its own scope, or never return. No lock of this package is held while it runs.
//
// # Time
//
// Closing takes at most Grace (25 s) plus [Reserve] (2 s): together less than the 30 s that Kubernetes gives a pod.
//
//   - A hook gets min(its Timeout, what is left of the grace), from its own start. Timeout 0 is the scope's HookTimeout
//     (10 s).
//   - It never gets less than its share of the reserve: what is left of it, divided by the number of hooks on the longest
//     chain that still has to run one after the other, this hook included. Half of the share is for the hook, half for
//     its way out.
//   - When its time is over its context ends. If it has not returned half a second later (or after its half of the
//     share), it is abandoned: reported with the stack of its goroutine, which goes on, and the flow goes on too.
//   - At grace plus reserve the close returns. What did not start is named, with [ErrNotStarted].
//
// Holds and run are awaited before any hook starts, at most HookTimeout, inside the grace. A child scope gets what is
// left to its parent, or its hook's Timeout. The context given to [Scope.Shutdown] can only shorten the grace: its end
// hurries hooks and skips none. It does not end their contexts, which carry its values. docs/time.md has worked
// numbers.
//
// # Late registration
//
// Registering while the scope closes is allowed: the new hook runs in the same flow, next. If it uses hooks that run
// already, it waits for them. On a closed scope the cleanup runs at once, before the call returns. Nothing is dropped.
//
// # Who runs what
//
//   - A zero [Scope] belongs to nobody: only its own Close, or Shutdown, runs it.
//   - [Process] is the scope of the process; [Defer], [Register] and [Go] put hooks on it. [Main], Exit and signals
//     close it. Without Main and without Exit, nobody does: a main that simply returns runs no hook.
//   - [Scope.Child] makes a scope that is one hook of its parent. To build several things or none, register on a child
//     and defer its [Scope.Rollback].
//   - [Scope.Go] runs a goroutine that the scope stops and awaits at its place in the order; its context ends there, not
//     before. A Go that fails or panics begins the close of its scope. One that returns nil is forgotten.
//   - [Scope.Hold] says that work is in progress: closing waits for it before any hook starts. After that, Hold returns
//     [ErrClosing].
//   - [Attach] ties a hook to an object: it runs when the object was collected, or at close. It does not keep the object
//     alive, so it must not reference it.
//   - [Scope.Context] ends when closing begins. [context.Cause] of it tells why.
//
// # The process
//
// Main runs run, and then the exit flow: run's context ends, run is awaited, the hooks run, the process ends. What
// begins it is the first of: run returns or panics, a signal, Exit, a Go of the process scope that fails, somebody
// closing the process scope. Exit may be called anywhere, at any time; under Main it ends the calling goroutine with
// runtime.Goexit, so that nothing waits for the caller. [Program] has the settings, and [Program.Run] returns the exit
// code instead of ending the process, for tests.
//
// The exit code is
//
//	0         run returned nil
//	1         run returned an error; or the code would be 0 but a cleanup failed that is not BestEffort
//	n         of Exit(n), or of an ExitError that run returned
//	2         run panicked (with the original stack, after the hooks); or the Program makes no sense
//	128+n     a second signal forced the exit; or PID 1 would have to die by signal n
//	signal    SIGINT, always; SIGTERM and others if run returned its context's error or did not return
//
// The first return, Exit or signal decides; a later code that is not 0 replaces only 0. After SIGTERM or SIGHUP a run
// that returns nil has finished, so the code is 0. [ExitPolicy] has other ways to end after a signal.
//
// Main handles SIGINT, SIGTERM and SIGHUP; SIGINT and SIGHUP stay ignored if they were when the program started (nohup,
// a shell's &). The first asks. A second one exits at once: the same signal after 100 ms or more, another one always.
// SIGPIPE begins the exit flow only when stdout or stderr is the broken pipe. Without Main or Program.Run no signal is
// touched: importing this package changes nothing.
//
// # Errors and reports
//
// Close returns the failures of its hooks, joined in the order in which they happened. Each is a [*HookError] with the
// hook's name and the file and line of its registration. Inside it are the hook's own error, a [*PanicError] with value
// and stack, a [*TimeoutError] with the stack of what hangs and what the hook still returned, [ErrGoexit] or
// [ErrNotStarted]. A timeout is never reported as success. Find them with errors.As or errors.AsType.
//
// [Scope.Report] tells the plan before the close and the facts during and after: per hook what it waits for, when it
// started, how long it took, what became of it, and whether it is on the critical path. It has a text form for a
// terminal and a JSON form. A scope logs only through its Logger. Under Main, failures go to stderr when there is no
// Logger; after an Exit without Main, always.
//
// # What may be called from a hook
//
// Everything of this package. Where waiting would never end, the call returns [ErrClosing] at once: Close and Shutdown
// of the hook's own scope or of one that contains it, Run of the hook's own handle, and two hooks that wait for each
// other. A hook, a Go or a run that starts goroutines which do so must hand them its context, by which they are
// recognised.
//
// # What it can't see
//
// No hook runs on os.Exit and log.Fatal (use Exit and [Fatal]), a panic in a goroutine that is neither run nor a Go nor
// a hook's, a fatal error of the runtime (concurrent map writes, stack overflow, all goroutines asleep), a signal that
// is not asked for, SIGKILL, the kernel's out-of-memory killer, or a power cut. A second signal skips what has not
// ended. docs/deaths.md lists every death and what runs on it.
//
// Package durable (github.com/lastly-go/lastly/durable) is for these: a durable hook is one of a scope like any other, with
// its name, Uses and timeout, and is also a record in a file. In a program that imports it, Main begins by settling
// what earlier runs left, and [HookReport].Note says who settles a hook should this process die.
//
// # Stability
//
// The Go API is not frozen before v1: a minor version may change it, and CHANGELOG.md says so. The names in the JSON
// form of a [Report] and the words of [Outcome] stay; new ones may be added. Texts of errors and log lines are no API.
package lastly
