package run

// Help is what `lastly run --help` writes. Its lines fit a terminal of 80 columns.
const Help = `Run a command, and undo everything when it ends.

Whatever the command leaves running is ended, daemons too: SIGTERM, a grace,
SIGKILL. Whoever wants to keep a daemon that is started on purpose (ssh-agent,
gradle, bazel, a tmux server) says --let-go.

Usage:
  lastly run [flags] -- COMMAND [ARGUMENT...]

Examples:
  lastly run -- make test
  lastly run --temp --timeout 10m -- ./integration-tests.sh
  lastly run --remove build.lock --on-exit 'docker rm -f web-1' -- ./deploy.sh
  lastly run --lock /var/lock/backup --no-wait -- ./backup.sh
  ENTRYPOINT ["lastly", "run", "--"]                        (in a Dockerfile)

Flags, before the command:
  -k, --grace TIME     between SIGTERM and SIGKILL for what is ended, 5s if not
                       given; 90s, 1m30s, or a number of seconds
  -t, --timeout TIME   end the command and all that it has started after so
                       long; the exit status is 124
      --temp           a fresh folder for temporary files, which TMPDIR names
                       for the command; removed with all that is in it
      --remove PATH    remove a file or folder at the end; repeatable. What is
                       there now is removed only if it is still the same
      --on-exit 'ARGV' run a command at the end; repeatable
      --on-failure 'ARGV'
                       the same, but not when the exit status is 0
      --lock PATH      one at a time: wait until nobody else holds the lock of
                       this file; it is held until everything is undone
      --no-wait        with --lock: fail at once, and say who holds it
      --let-go         leave those processes alone that have made a session of
                       their own (setsid), as daemons do. With no other flag
                       that registers something, one process does all: if that
                       is killed, only the command is, too
      --group          pass signals on to the command's whole process group, as
                       dumb-init does; on a terminal it shares lastly's, and
                       only the command gets them
      --ok-status N    this exit status of the command is taken for 0, as 143
                       of a command that SIGTERM has ended; repeatable
      --config FILE    YAML with hooks that have names, an order and times, and
                       with what these flags say; flags win over it. For
                       editors, lastly schema writes its JSON schema
      --report FILE    write what was undone as JSON, for lastly report
      --signal-rewrite A:B
                       send B to the command in the place of A; 0 is none;
                       repeatable
  -q, --quiet          only say why the command could not be run, or what could
                       not be undone
  -v, --verbose        say which signals are passed on, and what is ended
  -h, --help

What is registered is undone when the command's whole tree is gone, the last
first, also if lastly itself is killed: then its guard does it. What fails makes
125 of status 0, and the next lastly sweep tries it again.

ARGV is one word for the shell. It is taken apart at spaces; '...', "..." and \
keep together what belongs together. Nothing is expanded; for that write
'sh -c "..."'. The command gets PATH, HOME and no other variables, and no stdin;
what it writes is not shown, but for the end of its stderr when it fails. It may
be run more than once.

In the command's environment, LASTLY_RUN lets lastly add register more. Signals
are passed on to the command; it has the terminal, the standard streams and all
other inherited files.

Exit status:
  that of the command; 128+n if signal n ended it
  124  it took longer than --timeout
  125  lastly run itself failed: a flag, a lock, a cleanup that failed after
       status 0
  126  the command can't be executed
  127  there is no such command
`
