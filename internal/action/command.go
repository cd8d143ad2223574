package action

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Command runs a program, without a shell.
//
// It gets the variables PATH and HOME if they are set where it runs, those that Env and Files name, and no others: the
// environment of who settles is not that of who registered. Its stdin and stdout are the null device, its session is its own,
// so it has no terminal. It may run more than once, and has to take what it would undo being gone already for success.
//
// Args are written to disk, and every user of the machine can see them while the command runs: a secret must not be in them.
type Command struct {
	Args  []string          `json:"args"`            // the program and its arguments; Capture makes the program's path absolute
	Dir   string            `json:"dir,omitempty"`   // its working folder; empty: that of the process that calls Capture
	Env   []string          `json:"env,omitempty"`   // names of variables passed on from where it runs; one that is not set is an error
	Files map[string]string `json:"files,omitempty"` // variable: file with its value, read when it runs, without the newline at its end
}

// always are the variables that every command gets.
var always = [...]string{"PATH", "HOME"}

// Check says what is wrong with the command.
func (c Command) Check() error {
	if err := c.check(); err != nil {
		return fmt.Errorf("command: %w", err)
	}
	return nil
}

func (c Command) check() error {
	if len(c.Args) == 0 || c.Args[0] == "" {
		return errors.New("no program: Args begins with its name")
	}
	for _, word := range append(c.Args[:len(c.Args):len(c.Args)], c.Dir) {
		if strings.ContainsRune(word, 0) {
			return errors.New("a word or the folder has a zero byte")
		}
	}
	seen := make(map[string]bool)
	for _, name := range append(c.Env[:len(c.Env):len(c.Env)], sortedKeys(c.Files)...) {
		if err := checkVariable(name); err != nil {
			return err
		}
		if seen[name] {
			return fmt.Errorf("the variable %s is named twice, in Env and Files", name)
		}
		seen[name] = true
	}
	for _, name := range sortedKeys(c.Files) {
		if c.Files[name] == "" {
			return fmt.Errorf("the variable %s is to be read from a file without a name", name)
		}
	}
	return nil
}

// Capture finds the program (in PATH, if its name has no slash) and makes all paths absolute. What is relative is so to the
// working folder of this process, the program, too.
func (c Command) Capture() (Command, error) {
	captured, err := c.capture()
	if err != nil {
		return c, fmt.Errorf("command: %w", err)
	}
	return captured, nil
}

func (c Command) capture() (Command, error) {
	if err := c.check(); err != nil {
		return c, err
	}
	dir := c.Dir
	if dir == "" {
		dir = "."
	}
	var err error
	if c.Dir, err = filepath.Abs(dir); err != nil {
		return c, err
	}
	if info, err := os.Stat(c.Dir); err != nil {
		return c, err
	} else if !info.IsDir() {
		return c, fmt.Errorf("%s is no folder", c.Dir)
	}
	program, err := exec.LookPath(c.Args[0])
	if err != nil {
		return c, err
	}
	c.Args = slices.Clone(c.Args)
	if c.Args[0], err = filepath.Abs(program); err != nil {
		return c, err
	}
	files := make(map[string]string)
	for name, file := range c.Files {
		if files[name], err = filepath.Abs(file); err != nil {
			return c, err
		}
	}
	if c.Files != nil {
		c.Files = files
	}
	return c, nil
}

// Do runs the command and waits for it. Exit status 0 is success. When the context ends it is killed, with its process group,
// and waited for. Without a deadline the context is bounded by DefaultLimit. The error has the exit status and the end of the
// last line that the command wrote to stderr, without the values of its variables. What the command leaves running in the
// background is not waited for; it loses its stderr, if that is still the command's.
func (c Command) Do(ctx context.Context) error {
	if err := c.do(ctx); err != nil {
		return fmt.Errorf("%v: %w", c, err)
	}
	return nil
}

func (c Command) do(ctx context.Context) error {
	if err := c.check(); err != nil {
		return err
	}
	if !filepath.IsAbs(c.Args[0]) || !filepath.IsAbs(c.Dir) {
		return errors.New("it was not captured, so that its program and folder would be looked for where this process is")
	}
	env, secrets, err := c.environment()
	if err != nil {
		return err
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	stderr := tail{secrets: secrets}
	cmd := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
	cmd.Dir, cmd.Env, cmd.Stderr = c.Dir, env, &stderr
	cmd.WaitDelay = 250 * time.Millisecond // for a background process that has inherited stderr
	detach(cmd)
	err = cmd.Run()
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay):
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("killed (%w)%s", context.Cause(ctx), stderr.lastLine())
	}
	return fmt.Errorf("%w%s", err, stderr.lastLine())
}

// environment returns the command's variables, and those values that may be secret.
func (c Command) environment() (env, secrets []string, err error) {
	for _, name := range always {
		if value, ok := os.LookupEnv(name); ok && !slices.Contains(c.Env, name) && c.Files[name] == "" {
			env = append(env, name+"="+value)
		}
	}
	for _, name := range c.Env {
		value, ok := os.LookupEnv(name)
		if !ok {
			return nil, nil, fmt.Errorf("the variable %s is not set in this process, which runs the command: set it here, or have it read from a file", name)
		}
		env, secrets = append(env, name+"="+value), append(secrets, value)
	}
	for _, name := range sortedKeys(c.Files) {
		value, err := readSecret(c.Files[name])
		if err != nil {
			return nil, nil, fmt.Errorf("the variable %s: %w", name, err)
		}
		env, secrets = append(env, name+"="+value), append(secrets, value)
	}
	return env, secrets, nil
}

// String shows the program and its arguments, which are no secret, shortened.
func (c Command) String() string {
	var words []string
	for _, word := range c.Args {
		if quoted := strconv.Quote(word); quoted != `"`+word+`"` || word == "" || strings.Contains(word, " ") {
			word = quoted
		}
		words = append(words, word)
	}
	return "run " + shorten(strings.Join(words, " "), 200)
}
