// Package logfile writes a program's log into a file, through a buffer.
//
// The buffer makes logging cheap and has a price: lines that were not flushed are lost when the process ends without
// Close. A log that was closed says so in its last line, so that one that was cut off can be told from it: see Ended.
package logfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"sync"
)

// end is the message of the line that Close writes.
const end = "log closed"

// Log is an open log file. Its methods may be called concurrently.
type Log struct {
	*slog.Logger // logs into the file; after Close, nowhere

	out *output
}

// output is the buffered file behind the logger.
type output struct {
	mu     sync.Mutex // guards what follows
	file   *os.File
	buf    *bufio.Writer
	closed bool
}

// Open opens the log file at path for appending, and creates it if there is none.
func Open(path string) (*Log, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("logfile: %w", err)
	}
	out := &output{file: file, buf: bufio.NewWriterSize(file, 1<<16)}
	return &Log{Logger: slog.New(slog.NewTextHandler(out, nil)), out: out}, nil
}

// Write implements io.Writer for the logger.
func (o *output) Write(line []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return 0, os.ErrClosed
	}
	return o.buf.Write(line)
}

// Close writes the last line and sees to it that the whole log is on disk. The second Close does nothing.
func (l *Log) Close() error {
	o := l.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return nil
	}
	o.closed = true
	// Past the lock, by a handler of its own: nobody's line may come after this one.
	slog.New(slog.NewTextHandler(o.buf, nil)).Info(end)
	if err := errors.Join(o.buf.Flush(), o.file.Sync(), o.file.Close()); err != nil {
		return fmt.Errorf("logfile: close %s: %w", o.file.Name(), err)
	}
	return nil
}

// Ended reports whether the log file at path was closed by its last writer.
func Ended(path string) (bool, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return false, fmt.Errorf("logfile: %w", err)
	}
	last := bytes.TrimSuffix(text, []byte("\n"))
	last = last[bytes.LastIndexByte(last, '\n')+1:]
	return bytes.Contains(last, []byte(strconv.Quote(end))), nil
}
