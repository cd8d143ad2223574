// Package action carries out the cleanups that a record can describe: to kill a process, to run a command, to send a request.
//
// An action is plain data with three steps. Check says what is wrong with it, in words for who wrote it. Capture turns what
// the user gave into what still means the same later, in another process, started elsewhere: which process, which file, which
// folder; it checks first. Do carries it out, any number of times: what is done already is no error. Nothing here knows of journals.
//
// Records are on disk, so secrets must not be in them: an action names the variable or the file where a secret is, and reads
// it when it runs. Errors and String show no secret either, nor what might be one: no bodies, values of headers, of queries and
// of variables. A name can't be told from a secret, so names are shown: of variables, files and headers, and a command's words.
package action

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// DefaultLimit bounds Do when its context has no deadline.
const DefaultLimit = 30 * time.Second

// bounded gives a context a deadline if it has none.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, DefaultLimit, fmt.Errorf("took longer than %v: %w", DefaultLimit, context.DeadlineExceeded))
}

// maxSecret is how long a secret read from a file or variable can be.
const maxSecret = 64 << 10

// readSecret reads a file that holds one secret. The newline that editors leave at its end is not part of it. Errors never
// have its content.
func readSecret(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	text := make([]byte, maxSecret+1)
	n := 0
	for n < len(text) {
		m, err := f.Read(text[n:])
		n += m
		if m == 0 || err != nil {
			break
		}
	}
	secret := strings.TrimSuffix(strings.TrimSuffix(string(text[:n]), "\n"), "\r")
	switch {
	case n > maxSecret:
		return "", fmt.Errorf("%s is larger than %d bytes: is it the right file?", path, maxSecret)
	case secret == "":
		return "", fmt.Errorf("%s is empty", path)
	case strings.ContainsRune(secret, 0):
		return "", fmt.Errorf("%s has a zero byte: is it the right file?", path)
	}
	return secret, nil
}

// checkVariable checks the name of an environment variable.
func checkVariable(name string) error {
	before, _, hasValue := strings.Cut(name, "=")
	switch {
	case hasValue:
		return fmt.Errorf("%s=... has a value: it would be written to disk; give the name only, and have the variable set where the cleanup runs, or read it from a file", before)
	case name == "":
		return errors.New("a variable without a name")
	case strings.ContainsRune(name, 0):
		return fmt.Errorf("the variable %q has a zero byte in its name", name)
	}
	return nil
}
