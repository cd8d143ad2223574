// Package proc tells processes apart, also long after they were seen, and acts on exactly the one that was meant.
//
// A process number alone identifies nothing: it is used again, in every boot and in every PID namespace. An ID adds what
// makes it unique. Every operation holds the process with a pidfd while it looks, so that no answer is about a successor
// that got the number meanwhile.
//
// What it needs: Linux 5.3 for pidfds, 6.9 for their inodes, 6.15 for the exit status. Without them (or where a seccomp filter
// refuses them) a process is known by number and start time, whose resolution is 10 ms, and between looking and signalling
// there is a gap that only luck covers. macOS has that weaker form, Windows has handles, which are as good as pidfds. On other
// systems Of and Open answer errors.ErrUnsupported, so that nobody is ever killed by mistake.
//
// What it does not do: Linux tells the start time in the time namespace of who asks, so without pidfd inodes two readers in
// different time namespaces do not recognise the same process. Machines cloned from one running snapshot agree on everything
// here. /proc may hide the processes of others (hidepid): then only pidfd inodes identify them.
package proc

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
)

// ErrGone says that the process is not there any more. One that has ended but was not waited for (a zombie) is gone.
var ErrGone = errors.New("the process is gone")

// ErrElsewhere says that the process belongs to another PID namespace: nothing can be said about it, or done to it, here.
var ErrElsewhere = errors.New("the process is of another PID namespace: ask inside of its container")

// An ID identifies a process. IDs of the same process are not always equal: one may have been taken where Inode or Start
// could not be known. The zero ID is nobody's.
type ID struct {
	Pid       int    `json:"pid"`             // in the PID namespace Namespace
	Start     uint64 `json:"start,omitempty"` // Linux: clock ticks since boot, field 22 of proc_pid_stat(5); else the time of creation; 0 is unknown
	Boot      string `json:"boot,omitempty"`  // BootID; empty where the system has none, and Start is unique without
	Namespace uint64 `json:"ns,omitempty"`    // inode of the PID namespace; 0 where the system has none
	Inode     uint64 `json:"inode,omitempty"` // of the pidfd in pidfs, unique since boot; 0 is unknown
}

func (id ID) String() string {
	return fmt.Sprintf("process %d (started at %d)", id.Pid, id.Start)
}

// errBlurred says that two IDs have nothing in common that could be compared.
var errBlurred = errors.New("too little is known of the process to tell it from a successor: allow pidfd_open(2), and mount /proc, without hidepid")

// same reports whether two IDs of equal number, boot and namespace are of the same process.
func (id ID) same(now ID) (bool, error) {
	switch {
	case id.Inode != 0 && now.Inode != 0:
		return id.Inode == now.Inode, nil
	case id.Start == 0 || now.Start == 0:
		return false, errBlurred
	}
	return id.Start == now.Start, nil
}

// Of returns the identity of the running process with this number. The error is ErrGone if there is none.
func Of(pid int) (ID, error) {
	p, err := openPid(pid)
	if err != nil {
		return ID{}, fmt.Errorf("proc: identify process %d: %w", pid, err)
	}
	defer func() { _ = p.Close() }()
	return p.id, nil
}

// Self returns the identity of this process.
func Self() (ID, error) { return Of(os.Getpid()) }

// Open holds the process that the ID means, and no other. The error is ErrGone if it has ended or belongs to another boot
// (Open does not know machines: a process of another machine has another boot, too), and ErrElsewhere if it belongs to another
// PID namespace. Any other error says that it is not known.
func Open(id ID) (*Process, error) {
	p, err := open(id)
	if err != nil {
		return nil, fmt.Errorf("proc: open %v: %w", id, err)
	}
	return p, nil
}

// OpenPid holds the running process that has the number now. The error is ErrGone if there is none.
func OpenPid(pid int) (*Process, error) {
	p, err := openPid(pid)
	if err != nil {
		return nil, fmt.Errorf("proc: open process %d: %w", pid, err)
	}
	return p, nil
}

func open(id ID) (*Process, error) {
	switch {
	case id.Pid <= 0:
		return nil, fmt.Errorf("%d is no process number", id.Pid)
	case id.Boot != BootID() && id.Boot != "" && BootID() != "":
		return nil, ErrGone
	case id.Boot != BootID():
		return nil, errBlurred
	case id.Namespace != Namespace():
		return nil, ErrElsewhere
	}
	p, err := openPid(id.Pid)
	if err != nil {
		return nil, err
	}
	same, err := id.same(p.id)
	if same {
		return p, nil
	}
	_ = p.Close()
	if err == nil {
		err = ErrGone
	}
	return nil, err
}

// ID is the identity of the process as it was found now.
func (p *Process) ID() ID { return p.id }

// State is what is known about a process.
type State int

const (
	Unknown State = iota // it may live
	Alive
	Gone
)

func (s State) String() string {
	switch s {
	case Alive:
		return "alive"
	case Gone:
		return "gone"
	}
	return "unknown"
}

// State tells whether the process lives. host is the HostID of the machine where the ID was taken; empty is unknown.
//
//	boot       host        PID namespace
//	this one   any         this one        looked up: Alive or Gone; Unknown if the look fails
//	this one   any         another         Unknown: it can't be seen from here, and its namespace may live on
//	another    this one    any             Gone: no process survives a boot
//	another    another     any             Unknown
//
// A boot that is not known is taken to be this one if the host is (systems whose Start is unique without), else Unknown. The
// table trusts HostID: machines that were cloned with their machine-id and share a folder take each other's processes for gone.
func (id ID) State(host string) State {
	boot := BootID()
	thisHost := host != "" && host == HostID()
	switch {
	case id.Boot != boot && id.Boot != "" && boot != "" && thisHost:
		return Gone
	case id.Boot != boot, boot == "" && !thisHost:
		return Unknown
	}
	p, err := open(id)
	switch {
	case err == nil:
		_ = p.Close()
		return Alive
	case errors.Is(err, ErrGone):
		return Gone
	}
	return Unknown
}

// Marked returns the processes that EachMarked finds, by number.
func Marked(variable, value string) ([]ID, error) {
	var found []ID
	err := EachMarked(variable, value, func(p *Process) bool {
		found = append(found, p.id)
		return false
	})
	slices.SortFunc(found, func(a, b ID) int { return a.Pid - b.Pid })
	return found, err
}

// What never changes while a process runs is read once.
var (
	bootID    = sync.OnceValue(readBootID)
	namespace = sync.OnceValue(readNamespace)
	hostID    = sync.OnceValue(readHostID)
	secure    = sync.OnceValue(readSecure)
)

// BootID identifies the time since the machine was booted; empty when unknown.
func BootID() string { return bootID() }

// Namespace is the inode number of this process's PID namespace; 0 when unknown, and on systems without. A number can be used
// again when its namespace has ended.
func Namespace() uint64 { return namespace() }

// HostID identifies the machine, or what looks like one from inside of a container: on Linux the machine-id(5), else what the
// firmware says (readable by root only), else "hostname:" and the host's name; the equivalents on other systems. Images and
// clones with a machine-id in them make several machines claim the same. Treat it as confidential (machine-id(5)).
func HostID() string { return hostID() }

// Secure reports whether this program was started with more rights than its caller has (set-uid, set-gid or file capabilities:
// AT_SECURE of getauxval(3)). Its environment is then somebody else's, and must not be believed. When in doubt: true. On Linux it
// tells what was true at the start; elsewhere the first call decides, and should come before rights are given up.
func Secure() bool { return secure() }

// byHostname is the weakest HostID.
func byHostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "hostname:"
	}
	return "hostname:" + name
}
