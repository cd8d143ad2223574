// Command trees starts a tree of 1001 processes below init programs, namespaces, lastly's resource.Start and `lastly run`, ends
// what supervises it in four ways, and prints how many of the processes are left, in Markdown.
//
//	go run ./e2e/trees [-n 200] [-rounds 5] [-only TEXT] [-json]
//
// The tree is one shell and, n of each, plain children, such that ignore SIGTERM, such in process groups of their own, such
// in sessions of their own, and daemons, which have no parent any more. All of them sleep. They are told from all other
// processes by a random number in their arguments, which none of them can get rid of, and they are counted when nothing
// changes any more. Then the program ends them.
//
// For lastly there is more: what is left when its supervisor is killed, alone or together with its owner, of trees that keep their
// environment and of such that have cleared it.
//
// After that it measures, as often as -rounds says, how long it takes until the whole tree has ended: from the SIGKILL of a
// PID namespace's supervisor, and from the SIGKILL or the SIGTERM of what lastly has for one.
//
// It is Linux's. It uses the Debian packages tini, catatonit, dumb-init, bubblewrap, coreutils, util-linux and bash, and root's
// rights for PID namespaces; a row that can't be had says why. The command lastly is built first, unless LASTLY_TREES_COMMAND
// names one. The program is lastly's own user: whatever it has started
// is gone when it ends, also by SIGTERM or SIGKILL. (After SIGKILL, trees without an environment are the
// exception: these end by themselves, within two minutes.)
//
// The exit code is 1 if anything survives lastly where nothing may, and 2 if the flags make no sense. It takes some minutes. What it found is in
// docs/trees.md.
package main
