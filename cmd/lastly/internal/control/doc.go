// Package control lets what a run has started register cleanups on it: a unix socket of the run, and the other side of it.
//
// A request is one JSON object on one line, and so is its answer; a connection may carry several, in turn. The run's address is
// in its environment for the command, as LASTLY_RUN. Both sides check that the other one is the same user's.
//
// What is registered is a durable record on the run's scope, so it is undone in the order of the rules, however the run ends.
// When a request was answered, its record is in the journal.
//
// What it does not do: it does not tell the processes of one user apart. What can reach the socket can cancel all that was
// registered through it.
package control

import "time"

// The variables that a run gives to what it starts.
const (
	RunVariable     = "LASTLY_RUN"     // the socket
	JournalVariable = "LASTLY_JOURNAL" // the run's journal; the run sets it
)

// Operations.
const (
	OpAdd    = "add"
	OpCancel = "cancel"
	OpSettle = "settle"
	OpList   = "list"
	OpPing   = "ping"
)

// Kinds of records that can be added.
const (
	KindRemove = "remove"
	KindKill   = "kill"
	KindExec   = "exec"
	KindHTTP   = "http"
)

// A Request is what is asked of a run.
type Request struct {
	Op      string        `json:"op"`
	Kind    string        `json:"kind,omitempty"`
	Payload any           `json:"payload,omitempty"` // a Remove, Kill, durable.Command or durable.Request
	Name    string        `json:"name,omitempty"`
	Uses    []string      `json:"uses,omitempty"` // empty: all that was registered before
	Alone   bool          `json:"uses_nothing,omitempty"`
	Last    bool          `json:"last,omitempty"`
	Timeout time.Duration `json:"timeout_ns,omitempty"` // 0: the run's default
	ID      string        `json:"id,omitempty"`         // of cancel and settle; or Name, which means all that bear it
	Pid     int           `json:"pid,omitempty"`        // who asks, as it sees itself
}

// Remove is the payload of KindRemove.
type Remove struct {
	Path string `json:"path"` // absolute
}

// Kill is the payload of KindKill.
type Kill struct {
	Pid   int           `json:"pid"`
	Group bool          `json:"group,omitempty"`
	Grace time.Duration `json:"grace_ns,omitempty"` // SIGTERM first, SIGKILL after so long; 0: SIGKILL at once
}

// An Answer is what the run says.
type Answer struct {
	Error   string   `json:"error,omitempty"`   // what failed, and what to do next; then nothing has changed
	ID      string   `json:"id,omitempty"`      // of the record that was added
	Unknown bool     `json:"unknown,omitempty"` // the error is that there is no such record
	Records []Record `json:"records,omitempty"`
	Pid     int      `json:"pid,omitempty"` // of ping: the run
	Owner   string   `json:"owner,omitempty"`
}

// A Record is one that was added and is not undone yet, or that was cancelled or settled on demand.
type Record struct {
	ID    string `json:"id"`
	Kind  string `json:"kind"`
	Name  string `json:"name,omitempty"`
	Text  string `json:"text"` // what it is about, without secrets
	Error string `json:"error,omitempty"`
}
