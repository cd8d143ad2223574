package engine

// Exit statuses of lastly's own; see the help of `lastly run`.
const (
	CodeTimeout    = 124
	CodeOwn        = 125
	CodeCannotExec = 126
	CodeNotFound   = 127
)

// MarkVariable marks the tree, as durable.WithMark does.
const MarkVariable = "LASTLY_MARK"

// SocketVariable is where the command finds the socket of its run.
const SocketVariable = "LASTLY_RUN"

// NoSocketMark is in front of why there is no socket.
const NoSocketMark = "!"

// JournalVariable is where the command finds the folder of journals.
const JournalVariable = "LASTLY_JOURNAL"

// A StartError says why there is no command, with the exit status for that.
type StartError struct {
	Code int
	Text string
}

func (e *StartError) Error() string { return e.Text }

// Say tells the user what happens, if that is wanted.
func (s *Session) Say(text string) {
	if s.Options.Verbose {
		Print(text)
	}
}

// Warn tells the user, unless that is not wanted.
func (s *Session) Warn(text string) {
	if !s.Options.Quiet {
		Print(text)
	}
}
