package resource

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// streams are the standard streams of a command that are no files: each is a pipe, and a goroutine that copies. Those of package
// exec would not do: it awaits them together with the process that it started, and that is the supervisor.
type streams struct {
	delay   time.Duration // how long output may come after the command's end; 0: as long as the tree lives
	theirs  []*os.File    // the command's ends
	ours    []*os.File
	feeds   []func() error
	outputs []func() error
	fed     chan error // of each of the feeds
	copied  chan error // of each of the outputs
}

// wire replaces what is no file.
func (s *streams) wire(cmd *exec.Cmd) error {
	if _, isFile := cmd.Stdin.(*os.File); cmd.Stdin != nil && !isFile {
		from := cmd.Stdin
		read, write, err := s.pipe()
		if err != nil {
			return err
		}
		s.theirs, s.ours = append(s.theirs, read), append(s.ours, write)
		s.feeds = append(s.feeds, func() error { return feed(write, from) })
		cmd.Stdin = read
	}
	same := equal(cmd.Stdout, cmd.Stderr)
	if err := s.wireOutput(&cmd.Stdout); err != nil {
		return err
	}
	if same {
		cmd.Stderr = cmd.Stdout
		return nil
	}
	return s.wireOutput(&cmd.Stderr)
}

func (s *streams) wireOutput(w *io.Writer) error {
	to := *w
	if _, isFile := to.(*os.File); to == nil || isFile {
		return nil
	}
	read, write, err := s.pipe()
	if err != nil {
		return err
	}
	s.theirs, s.ours = append(s.theirs, write), append(s.ours, read)
	s.outputs = append(s.outputs, func() error {
		_, err := io.Copy(to, read)
		_ = read.Close() // also when writing failed: then the command hears of it
		return err
	})
	*w = write
	return nil
}

// pipe gives both ends back when something goes wrong later.
func (s *streams) pipe() (read, write *os.File, err error) {
	if read, write, err = os.Pipe(); err != nil {
		s.abandon()
	}
	return read, write, err
}

// feed writes the command's input. That it does not read all of it is no error.
func feed(to *os.File, from io.Reader) error {
	_, err := io.Copy(to, from)
	if errors.Is(err, syscall.EPIPE) {
		err = nil
	}
	if closeErr := to.Close(); err == nil && !errors.Is(closeErr, os.ErrClosed) {
		err = closeErr
	}
	return err
}

// equal compares writers that may not be comparable.
func equal(a, b io.Writer) bool {
	defer func() { _ = recover() }()
	return a != nil && a == b
}

// flow begins to copy, when the command has its ends.
func (s *streams) flow() {
	s.closeTheirs()
	s.fed, s.copied = make(chan error, len(s.feeds)), make(chan error, len(s.outputs))
	for _, run := range s.feeds {
		go func() { s.fed <- run() }() // ends with the command's reading; one whose Reader blocks, when that does not
	}
	for _, run := range s.outputs {
		go func() { s.copied <- run() }() // ends when nobody can write any more, or when await has closed its end
	}
}

func (s *streams) closeTheirs() {
	for _, f := range s.theirs {
		_ = f.Close()
	}
}

// abandon closes everything: the command was not started.
func (s *streams) abandon() {
	s.closeTheirs()
	for _, f := range s.ours {
		_ = f.Close()
	}
}

func (s *streams) idle() bool { return len(s.feeds) == 0 && len(s.outputs) == 0 }

// await is called when the command has ended. It returns when everything is copied, or the delay is over. When the tree is gone,
// nobody is left to read: then what feeds it is not waited for any more. What was written is copied to its end, however long that
// takes on a busy machine.
func (s *streams) await(gone <-chan struct{}) (failed error) {
	var over <-chan time.Time
	if s.delay > 0 {
		timer := time.NewTimer(s.delay)
		defer timer.Stop()
		over = timer.C
	}
	note := func(err error) {
		if failed == nil {
			failed = err
		}
	}
	fed := s.fed
	for feeds, outputs := len(s.feeds), len(s.outputs); feeds+outputs > 0; {
		select {
		case err := <-fed:
			feeds--
			note(err)
		case err := <-s.copied:
			outputs--
			note(err)
		case <-gone:
			gone, fed, feeds = nil, nil, 0
		case <-over:
			note(s.cut(outputs))
			return failed
		}
	}
	return failed
}

// cut closes this process's ends. The outputs' writers are the user's again afterwards.
func (s *streams) cut(outputs int) error {
	for _, f := range s.ours {
		_ = f.Close()
	}
	for range outputs {
		<-s.copied
	}
	return exec.ErrWaitDelay
}
