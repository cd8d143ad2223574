package cli

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	_ "github.com/lastly-go/lastly/cmd/lastly/internal/cli/quick" // whose initialisation carries out the plainest forms
	"github.com/lastly-go/lastly/cmd/lastly/internal/control"
	"github.com/lastly-go/lastly/durable"
)

// An adding is what all kinds of `add` have in common: their flags.
type adding struct {
	*app

	request control.Request
	owner   string
}

func addCommand(a *app) *cobra.Command {
	d := &adding{app: a}
	cmd := &cobra.Command{
		Use:   "add remove PATH | kill PID | exec -- CMD ARGS | http METHOD URL",
		Short: "Register something that is undone when the run ends",
		Long: `Register something that is undone when the run ends, however it ends: newest first, or before what --uses names.
When it returns, the record is on disk. It prints the record's id, for cancel and settle.

It asks the run that it is inside of (LASTLY_RUN), or the one that --owner names. What is undone may be undone twice, or
when it is gone already: so use ids, never names that come again, and commands that do not fail for nothing
(docker rm -f, dropdb --if-exists).

` + exitCodes,
		Example: `  cid=$(docker run -d postgres); lastly add exec -- docker rm -f "$cid"
  dir=$(mktemp -d); lastly add remove "$dir"
  server & lastly add kill $! --name server --grace 5s
  lastly add http DELETE https://ci.example.com/leases/42 --uses server`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("add: there is no kind %q; there are remove, kill, exec and http", args[0])
			}
			return usagef("add: say what: remove PATH, kill PID, exec -- CMD ARGS or http METHOD URL; `lastly add --help` has examples")
		},
		RunE: func(*cobra.Command, []string) error { return nil },
	}
	flags := cmd.PersistentFlags()
	flags.StringVar(&d.request.Name, "name", "", "what others call it in --uses, and `NAME` it in cancel and settle")
	flags.StringSliceVar(&d.request.Uses, "uses", nil, "undo it before these `NAMES`, and beside all others (default: before everything added earlier)")
	flags.BoolVar(&d.request.Alone, "uses-nothing", false, "it uses nothing: undo it beside everything else")
	flags.BoolVar(&d.request.Last, "last", false, "undo it after everything that is not --last")
	flags.Var(span{&d.request.Timeout}, "timeout", "how long undoing it may take, such as 30s (default 10s)")
	flags.StringVar(&d.owner, "owner", "", "another run: its `ID` in lastly list, or its process number")
	cmd.AddCommand(d.remove(), d.kill(), d.exec(), d.http())
	return cmd
}

// exactly checks the number of arguments.
func exactly(what string, n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			name := strings.TrimPrefix(cmd.CommandPath(), "lastly ")
			return usagef("%s: %d words were given, want: %s; `lastly %s --help` has examples", name, len(args), what, name)
		}
		return nil
	}
}

// checkText refuses what JSON has no words for: it would be another path, or another command.
func checkText(words ...string) error {
	for _, w := range words {
		if !utf8.ValidString(w) {
			return usagef("add: %q is not UTF-8; give the thing a name that is, or register it from a script of its own: lastly add exec -- SCRIPT", w)
		}
	}
	return nil
}

// send asks the run, and prints the id.
func (d *adding) send(kind string, payload any) error {
	d.request.Op, d.request.Kind, d.request.Payload = control.OpAdd, kind, payload
	if d.request.Alone && len(d.request.Uses) > 0 {
		return usagef("add: --uses and --uses-nothing exclude each other; leave one out")
	}
	answer, err := ask(d.owner, d.request)
	if err != nil {
		return fmt.Errorf("add %s: %w", kind, err)
	}
	_, err = fmt.Fprintln(d.out, answer.ID)
	return err
}

func (d *adding) remove() *cobra.Command {
	return &cobra.Command{
		Use:   "remove [flags] PATH",
		Short: "Remove a file, folder, socket or link, if it is still the same one",
		Long: `Remove a file, a folder with all that is in it, a socket or a link. What exists now is removed only if it is still the
same; a path that does not exist yet, whatever is made there.

` + exitCodes,
		Example: `  dir=$(mktemp -d); lastly add remove "$dir"`,
		Args:    exactly("PATH", 1),
		RunE: func(_ *cobra.Command, args []string) error {
			if args[0] == "" {
				return usagef("add remove: the path is empty; was a variable not set?")
			}
			path, err := filepath.Abs(args[0])
			if err != nil {
				return fmt.Errorf("add remove %s: %w; give an absolute path", args[0], err)
			}
			if err := checkText(path); err != nil {
				return err
			}
			return d.send(control.KindRemove, control.Remove{Path: path})
		},
	}
}

func (d *adding) kill() *cobra.Command {
	var p control.Kill
	cmd := &cobra.Command{
		Use:   "kill [flags] PID",
		Short: "End a process, never another one that got its number",
		Long: `End a process, never another one that got its number: by SIGKILL, or with --grace by SIGTERM and, after that, SIGKILL.

` + exitCodes,
		Example: `  server & lastly add kill $! --grace 5s`,
		Args:    exactly("PID", 1),
		RunE: func(_ *cobra.Command, args []string) error {
			var err error
			if p.Pid, err = strconv.Atoi(args[0]); err != nil || p.Pid <= 0 {
				return usagef("add kill: %q is no process number; give that of a running process, such as $!", args[0])
			}
			return d.send(control.KindKill, p)
		},
	}
	cmd.Flags().BoolVar(&p.Group, "group", false, "also the process group that it leads")
	cmd.Flags().Var(span{&p.Grace}, "grace", "SIGTERM first, SIGKILL after so long (default: SIGKILL at once)")
	return cmd
}

func (d *adding) exec() *cobra.Command {
	var p durable.Command
	cmd := &cobra.Command{
		Use:   "exec [flags] -- CMD ARGS",
		Short: "Run a command, without a shell",
		Long: `Run a command, without a shell, in the folder where add was called. It gets PATH, HOME and the variables that --env names, no
stdin and no terminal; what it writes is not shown, but for the end of its stderr when it fails. Status 0 is success.
Its words are written to disk: no secrets.

` + exitCodes,
		Example: `  cid=$(docker run -d postgres); lastly add exec -- docker rm -f "$cid"`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("add exec: no command; write it after --: lastly add exec -- docker rm -f \"$cid\"")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) (err error) {
			if p.Args, p.Dir, err = command(args, p.Dir); err != nil {
				return err
			}
			if err := checkText(append(p.Args, p.Dir)...); err != nil {
				return err
			}
			return d.send(control.KindExec, p)
		},
	}
	cmd.Flags().SetInterspersed(false)
	cmd.Flags().StringSliceVar(&p.Env, "env", nil, "`NAMES` of variables that it gets, from the environment of the run")
	cmd.Flags().StringVar(&p.Dir, "dir", "", "its working `FOLDER` (default: this one)")
	return cmd
}

// command finds the program here, because the run may have another PATH and another folder.
func command(args []string, dir string) ([]string, string, error) {
	program, err := exec.LookPath(args[0])
	if err == nil || errors.Is(err, exec.ErrDot) {
		program, err = filepath.Abs(program)
	}
	if err != nil {
		return nil, "", fmt.Errorf("add exec: %w; give its whole path", err)
	}
	if dir == "" {
		dir = "."
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, "", fmt.Errorf("add exec: %w; name a folder with --dir", err)
	}
	return append([]string{program}, args[1:]...), dir, nil
}

func (d *adding) http() *cobra.Command {
	var p durable.Request
	var headers, secrets []string
	var data string
	cmd := &cobra.Command{
		Use:   "http [flags] METHOD URL",
		Short: "Send a request",
		Long: `Send a request, with the record's id as its Idempotency-Key. A status of 2xx is done; for DELETE 404 and 410 are too.
What is given here is written to disk: name variables for secrets.

` + exitCodes,
		Example: `  lastly add http DELETE https://ci.example.com/leases/42 --header-env "Authorization=CI_AUTHORIZATION"`,
		Args:    exactly("METHOD URL", 2),
		RunE: func(_ *cobra.Command, args []string) error {
			p.Method, p.URL, p.Body = strings.ToUpper(args[0]), args[1], []byte(data)
			if err := setHeaders(&p, headers, secrets); err != nil {
				return err
			}
			return d.send(control.KindHTTP, p)
		},
	}
	cmd.Flags().StringArrayVar(&headers, "header", nil, "`'NAME: VALUE'`, may be repeated; no secrets")
	cmd.Flags().StringArrayVar(&secrets, "header-env", nil, "`NAME=VARIABLE`: a header whose value is read from the run's environment")
	cmd.Flags().StringVar(&data, "data", "", "the `BODY`")
	return cmd
}

func setHeaders(p *durable.Request, headers, secrets []string) error {
	for _, h := range headers {
		name, value, ok := strings.Cut(h, ":")
		if !ok {
			return usagef("add http: --header %q has no colon; write 'Name: value'", h)
		}
		if p.Header == nil {
			p.Header = make(map[string]string)
		}
		p.Header[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	for _, h := range secrets {
		name, variable, ok := strings.Cut(h, "=")
		if !ok {
			return usagef("add http: --header-env %q has no =; write NAME=VARIABLE", h)
		}
		if p.HeaderFrom == nil {
			p.HeaderFrom = make(map[string]durable.Secret)
		}
		p.HeaderFrom[name] = durable.Secret{Env: variable}
	}
	return nil
}

// ask sends one request to a run: the one that this is inside of, or the owner's.
func ask(owner string, r control.Request) (control.Answer, error) {
	path := os.Getenv(control.RunVariable)
	if owner != "" {
		var err error
		if path, err = socketOf(owner); err != nil {
			return control.Answer{}, err
		}
	}
	c, err := control.Dial(path)
	if err != nil {
		return control.Answer{}, err
	}
	defer func() { _ = c.Close() }()
	return c.Do(r)
}
