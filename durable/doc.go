// Package durable undoes what must be undone even when the program can't: after SIGKILL, the kernel's out-of-memory killer,
// a crash in a foreign goroutine, or a reboot.
//
// A hook of package lastly lives in the process, and dies with it. A durable one is written down as well, in a file, before
// the call that registered it returns. If the process dies by any cause, another one reads the file and carries the cleanup
// out: a guard, within milliseconds, or the next start of the program, or a sweep.
//
//	func main() {
//		lastly.Main(func(ctx context.Context) error {
//			dir := filepath.Join(os.TempDir(), durable.NewName("work-"))
//			_, err := durable.Remove.Register(lastly.Process(), durable.Path{Path: dir}, lastly.Hook{Name: "work folder"})
//			if err != nil {
//				return err
//			}
//			if err := os.Mkdir(dir, 0o700); err != nil {
//				return err
//			}
//			return work(ctx, dir)
//		})
//	}
//
// docs/durable.md has more of everything: examples, a table of errors, a part for operators.
//
// # Kinds and records
//
// Another process has no closures of this one. So a durable cleanup is a [Kind], which has a name, and a payload, which is
// data. Built in are [Remove] (a path), [Kill] (a process), [Exec] (a command), [HTTP] (a request) and [Lock] (a locked
// file). [Define] makes a kind of a function of your own.
//
// One use of a kind is a record. [Kind.Register] writes it to the journal and registers a hook on a scope, with everything
// that a hook has: name, Uses, Last, a timeout. The hook undoes it while the program lives, with Hook.Run if that is set,
// else with the kind's function; when that has returned nil the record is struck. If it fails, or has no time, the record
// stays for another process. [Record] has the hook's handle, and Update.
//
// Register before the thing is made, and strike after it is gone: the other order leaks. What is not known before (an id, a
// process's number) is added by [Record.Update].
//
// # What survives what
//
// When Register has returned, the record survives the death of the process. It survives the death of the machine only
// after [Settings].PowerSafe, which makes Register and Update wait for the disk. A strike may be lost with the machine in
// any case: the cleanup is then done once more.
//
// # At least once
//
// A record is settled at least once. It is twice when whoever settled it died, or the disk failed, between the deed and the
// strike; it is for nothing when the owner died between Register and making the thing. So a cleanup must be idempotent: to
// do it again, or when there is nothing to undo, is harmless and no error. It must also be about exactly this use: a name
// that is used again (a container called "web") belongs to the next instance by the time the guard acts.
//
// No two settle a record at the same time, and nobody does while its owner lives. An attempt that ignores the end of its
// context is given up, but the journal stays locked until it returns or its process ends.
//
// The settle function of a Go kind gets its payload, and a context that ends at the hook's timeout. It gets nothing else of
// the process that registered: no variables, no connections, no terminal, another working folder. Everything that it needs
// is in the payload, or found through it. The payload goes through encoding/json and is decoded strictly: a field that is
// missing or unknown is a failed attempt, not an empty field. A payload whose meaning changed needs a kind of a new name.
// In the process that registered, the same function gets the payload as it was given, without the detour.
//
// # Order
//
// The rules of package lastly hold after a crash as before it: a record is settled before everything that it uses, in its
// scope and its scope's place in the parent. One that fails does not keep the others back. Only records count: a plain hook
// died with its process, and constrains nothing.
//
// # The guard
//
// On Linux, the first record of a process starts a second process: the program's own executable, which waits. It is called
// lastly-guard in ps. It sleeps in the kernel until its owner is dead, in a session of its own, without the owner's files and
// streams, deaf to the terminal's signals and to SIGTERM. If it dies, another one is started. When the owner ends in order
// it leaves with it; when the owner dies it makes one attempt at each record and leaves. It may take
// [Settings].GuardLimit in all. What it could not settle is for the next start.
//
// What of the program runs in it:
//
//   - While the owner lives: nothing. The guard waits in the initialisation of a package that imports little more than
//     syscall, and that is before every package that needs package os. (Constructors of C libraries run; they come before
//     Go.)
//   - After a death that left no record, and no text of a crash: nothing. The guard ends where it waited.
//   - After another one: packages that do not import durable, directly or not, may be initialised before it, with
//     their variables and init functions. Package main is not, nor whatever imports durable. To keep a package's init out
//     of guards, import durable in it.
//   - Only if there are records of Go kinds: everything up to [lastly.Main] or [Init]. There the guard settles, and ends. So
//     call Init first, or Main soon.
//
// LASTLY_GUARD=off in the environment, or Settings.NoGuard, starts none. There is none for PID 1, which would take it along;
// none in a set-user-id program; none in a library that was loaded into another program; and none on other systems. Then
// the next start settles. [lastly.Scope.Report] says of each durable hook whether it is guarded, and if not, why.
//
// # The next start, and the sweep
//
// lastly.Main settles what earlier runs of the same program left, before run, for at most 5 s; what takes longer, and what
// fails and is due again, goes on beside run. The same program is one whose main module has the same path. [Recover] does
// it once, on demand, for programs without Main. [Sweep] does it for every journal in the folder: built-in kinds of all
// programs, and Go kinds of this one. It is for a cron job, or an agent, that cleans up after programs that are never started
// again.
//
// An attempt that fails is repeated after 1 s, 4 s, 16 s and so on, up to an hour, by whoever is there by then. After
// [MaxAttempts] the record is a dead letter: kept, listed by Recover and Sweep, and tried again only with Options.Retry.
// [Options].Expire drops old ones.
//
// [Reports] lists what guards did, and how owners died, with the text of a crash.
//
// # The folder
//
// Journals are in a folder; see [Settings].Dir for where that is. It must belong to the user, and be written by nobody else:
// what it says is carried out in the user's name. It should live as long as what it protects. On a network filesystem a
// lock may be invisible to other hosts, so that is refused, unless [Settings].Network says that it is known.
//
// Secrets do not belong in payloads, which are on disk (mode 0600), nor in commands, which ps shows. [Secret] and
// [Command] name variables and files instead, which are read when the cleanup runs. Reports and logs contain no payloads.
//
// # Users, forks, other programs
//
// After a change of the effective user Register fails, with [ErrOtherUser]: the journal and the guard belong to the former
// one. Drop privileges first. Root does not settle another user's journal.
//
// A child that was forked without exec (C code) keeps the journal's lock beyond the owner's death. A program that replaces
// itself by exec is gone for the journal: its records are settled, although the process lives.
//
// # Containers
//
// When PID 1 of a container ends, all else in it is killed, and so is a guard. With Kubernetes (from 1.28, on cgroup v2) so
// is everything when one process runs out of memory. What counts there is the next start, and it finds the journals only
// if the folder is on a volume: a restarted container has a fresh root. A record of another PID namespace, host or mount
// namespace is never guessed about: what can't be told from here is left, and named.
//
// # What can't be done
//
// Nobody can act during a power cut. A process that cleared its environment, left its group and lost its parent is not found
// by a mark. Work that was handed to another service goes on there. An owner that hangs is alive, and nothing is settled.
// "Delete it if it is still the same file" is not one step in any system: Remove makes the gap small, and
// harmless where it can. Another host's resources are not undone from here.
//
// # Stability and systems
//
// A journal of this version will be read by every later one. A version that finds a newer format leaves it alone, and says
// so. The words of [State] and [Outcome] and the JSON form of a [Report] stay; new ones may be added. The Go API is not
// frozen before v1.
//
// Guards, marks and the full identity of files are Linux's. On macOS, the BSDs and Windows, journals are kept, and
// settled at the next start or by a sweep; identities are weaker there, and what can't be told apart is left alone. These
// systems are built and vetted, not tested.
package durable
