// Package cli is the lastly command but for `lastly run`, which must not wait for a command library: one file for each
// subcommand.
//
// What a command finds goes to stdout; what it has to say about itself, to stderr. Errors say what to do next, and are
// printed once, here.
package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/lastly-go/lastly/cmd/lastly/internal/control"
)

// Exit codes, as the help lists them.
const (
	codeOK          = 0
	codeFailed      = 1 // something failed, or is left
	codeUsage       = 2
	codeNotFound    = 3 // no such run, owner or record; or it is another user's
	codeInterrupted = 130
)

const exitCodes = `Exit codes:
  0    done; nothing is left that should not be
  1    something failed, or is left: stderr says what
  2    the command line makes no sense
  3    there is no such run, owner or record, or it is another user's
  130  interrupted by Ctrl-C; what had begun was finished
  ` + "`lastly run`" + ` returns the status of its command; see ` + "`lastly help run`"

// A failure is an error with an exit code. One without text was told already.
type failure struct {
	code int
	err  error
}

func (f *failure) Error() string {
	if f.err == nil {
		return ""
	}
	return f.err.Error()
}

func (f *failure) Unwrap() error { return f.err }

func usagef(format string, args ...any) error {
	return &failure{codeUsage, fmt.Errorf(format, args...)}
}

func notFoundf(format string, args ...any) error {
	return &failure{codeNotFound, fmt.Errorf(format, args...)}
}

// An app is one call of the command: its streams.
type app struct {
	in     io.Reader
	out    *bufio.Writer
	rawOut io.Writer // what out writes to
	err    io.Writer
}

// Main carries out the command line, without the program's name, and returns the exit code. It is not for `lastly run`,
// which main hands to package run.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{in: stdin, out: bufio.NewWriterSize(stdout, 64<<10), rawOut: stdout, err: stderr}
	if len(args) == 1 && (args[0] == "--version" || args[0] == "-V") { // what everybody tries first
		args = []string{"version"}
	}
	root := a.root(args)
	root.SetArgs(args)
	err := checkWords(root, args)
	if err == nil {
		err = root.Execute()
	}
	if flushed := a.out.Flush(); err == nil && flushed != nil {
		err = fmt.Errorf("write what it found: %w; make room, or write elsewhere", flushed)
	}
	return a.tell(err)
}

// checkWords refuses the name of a command that there is none of where the library would print a help instead, and call it success.
func checkWords(root *cobra.Command, args []string) error {
	if len(args) < 2 || args[0] != "help" && args[0] != "completion" {
		return nil
	}
	words := args
	if root.InitDefaultHelpCmd(); args[0] == "help" {
		words = args[1:]
	}
	cmd, rest, err := root.Find(words)
	if unknown := len(rest) > 0 && !strings.HasPrefix(rest[0], "-"); err != nil || unknown && (args[0] == "help" || cmd.HasSubCommands()) {
		return usagef("there is no command %q; `lastly --help` lists the commands", strings.Join(words, " "))
	}
	return nil
}

// tell prints an error, and returns its exit code.
func (a *app) tell(err error) int {
	var f *failure
	switch {
	case err == nil:
		return codeOK
	case errors.Is(err, syscall.EPIPE): // whoever read has enough
		return codeOK
	case errors.As(err, &f):
	case errors.Is(err, control.ErrNoRun), errors.Is(err, control.ErrGone), errors.Is(err, control.ErrOtherUser), errors.Is(err, control.ErrUnknown):
		f = &failure{codeNotFound, err}
	case isUsage(err):
		text := strings.NewReplacer("\n\nDid you mean this?\n\t", "; did you mean ", "\n\t", " or ").Replace(strings.TrimSpace(err.Error()))
		f = &failure{codeUsage, fmt.Errorf("%s; `lastly --help` lists the commands, `lastly help COMMAND` its flags; `lastly run -- CMD` runs one of yours", text)}
	default:
		f = &failure{codeFailed, err}
	}
	if f.err != nil {
		text := strings.TrimPrefix(strings.TrimSpace(f.Error()), "lastly: ")
		_, _ = fmt.Fprintln(a.err, "lastly:", strings.ReplaceAll(text, ": lastly: ", ": "))
	}
	return f.code
}

// isUsage recognises the errors of the command library, which have no type.
func isUsage(err error) bool {
	for _, begins := range []string{"unknown command", "required flag", "accepts ", "requires at least", "invalid argument"} {
		if strings.HasPrefix(err.Error(), begins) {
			return true
		}
	}
	return false
}

// root makes the commands that a command line needs: building all of them takes longer than what `add` does.
func (a *app) root(args []string) *cobra.Command {
	root := &cobra.Command{
		Use:           "lastly",
		Short:         "What must be undone is undone, however a program ends",
		Long:          rootHelp,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.SetOut(a.err)
			_ = cmd.Help()
			return &failure{code: codeUsage}
		},
	}
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w; `%s --help` lists the flags", err, cmd.CommandPath())
	})
	all := []func(*app) *cobra.Command{
		runCommand, addCommand, cancelCommand, settleCommand, listCommand, sweepCommand, retryCommand, forgetCommand, watchCommand,
		reportCommand, doctorCommand, manCommand, schemaCommand, versionCommand,
	}
	if len(args) > 0 && args[0] == "add" {
		all = []func(*app) *cobra.Command{addCommand}
		root.CompletionOptions.DisableDefaultCmd = true
	}
	for _, make := range all {
		cmd := make(a)
		cmd.DisableFlagsInUseLine = true
		for _, sub := range cmd.Commands() {
			sub.DisableFlagsInUseLine = true
		}
		root.AddCommand(cmd)
	}
	completeHelp(root)
	return root
}

// completeHelp adds to the command library's own command what the help of all others has.
func completeHelp(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "completion" {
			cmd.Long += "\n" + exitCodes
			cmd.Example = "  source <(lastly completion bash)"
		}
	}
}

const rootHelp = `Lastly undoes what must be undone, however a program ends: return, signal, crash, kill -9, reboot.

  lastly run -- CMD ARGS      run a command; when it ends, its processes, files and whatever it registered go
  lastly add KIND ...         from inside of it: register something to be undone
  lastly list, watch          what there is on this machine
  lastly sweep                settle what programs that are gone have left
  lastly doctor               what this machine can do

What is registered is written down in a folder: the first of $LASTLY_DIR, $STATE_DIRECTORY/lastly,
$XDG_STATE_HOME/lastly, for root /var/lib/lastly, else lastly-UID in the folder of temporary files.

` + exitCodes + `

Environment:
  LASTLY_DIR   the folder of journals
  LASTLY_RUN   the socket of the run that this is inside of, or ! and why it has none; set by ` + "`lastly run`" + `
  NO_COLOR     no colours, also on a terminal`

// isFile returns the file of a stream, if it is one.
func isFile(stream any) (*os.File, bool) {
	f, ok := stream.(*os.File)
	return f, ok
}
