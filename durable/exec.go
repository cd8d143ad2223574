package durable

import (
	"context"

	"github.com/lastly-go/lastly/internal/action"
)

// Exec runs a command, without a shell: to remove a container, to unmount, to delete a branch of a database.
//
// It may run more than once, and when there is nothing to undo: a command that fails then is tried again until it is a
// dead letter, so choose one that does not (docker rm -f, dropdb --if-exists). What it is about needs a name that is used once:
// the id of a container, never a name such as web, which the next start will use again.
//
// It is over when the hook's Timeout is (10 s if that is 0); then its process group is killed.
var Exec = define("exec", captureCommand, func(ctx context.Context, c Command) error { return action.Command(c).Do(ctx) })

// A Command is the payload of Exec. It is written to disk, and ps shows its words: no secret may be in them. It gets PATH,
// HOME and the variables that Env and Files name, from the environment of whoever settles (the guard has this process's
// own), and no others.
type Command struct {
	Args  []string          `json:"args"`            // the program and its arguments; the program is looked up at Register
	Dir   string            `json:"dir,omitempty"`   // "" is the working folder at Register
	Env   []string          `json:"env,omitempty"`   // names of variables that are passed on; one that is not set is an error
	Files map[string]string `json:"files,omitempty"` // variable: file with its value, read when the command runs
}

func captureCommand(c Command) (Command, error) {
	captured, err := action.Command(c).Capture()
	return Command(captured), err
}

// String names the command; values of variables are not known to it.
func (c Command) String() string { return action.Command(c).String() }
