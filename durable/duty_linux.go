package durable

import (
	"context"
	"os"
	"os/signal"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/lastly-go/lastly/internal/journal"
	"github.com/lastly-go/lastly/internal/standby"
)

// A guardDuty is the guard's side: its owner is dead, and something is left. It settles built-in kinds where it is, in the
// initialisation of this package, before the program's own; only Go kinds need the program, up to Main or Init.
type guardDuty struct {
	*standby.Duty

	journal *journal.Journal
	entries []journal.Entry
	tried   map[int]bool // by index of entries
	began   time.Time
	report  JournalReport
	leaving atomic.Bool // SIGTERM: finish the current record and leave
	end     time.Time
}

// due is nil in every process that is no guard. The built-in kinds are named so that they are defined by now.
var due = beginDuty(Remove, Kill, Exec, HTTP, Lock)

// beginDuty settles what needs nothing of the program, and ends the process if that was all.
func beginDuty(...any) *guardDuty {
	if standby.Due == nil {
		return nil
	}
	d := &guardDuty{Duty: standby.Due, began: time.Now(), tried: make(map[int]bool)}
	d.end = d.began.Add(d.limit())
	time.AfterFunc(d.limit()+time.Second, func() { os.Exit(1) }) // whatever hangs, also in the program's own initialisation
	go d.awaitTerm()                                             // ends with the process
	if !d.claim() {
		d.exit()
	}
	late := d.waitForGo()
	d.settle(func(i int) bool { return late[i] })
	if len(late) == 0 || d.leaving.Load() {
		d.exit()
	}
	return d
}

// awaitTerm hears SIGTERM again, which was ignored so far. It is a matter of a tenth of a millisecond, for which nobody waits.
func (d *guardDuty) awaitTerm() {
	terms := make(chan os.Signal, 1)
	signal.Notify(terms, syscall.SIGTERM)
	d.Listen()
	<-terms
	d.leaving.Store(true)
}

func (d *guardDuty) limit() time.Duration { return time.Duration(d.LimitMS) * time.Millisecond }

// claim takes the journal. If somebody else is at it, this waits until that one has ended: the locks that the owner handed
// over are held until then.
func (d *guardDuty) claim() bool {
	for {
		j, content, r := claim(d.Journal, d.fate())
		d.journal, d.entries, d.report = j, content.Entries, r
		// While a process execs, its descriptors are closed one by one, and the lock may come after the control socket.
		again := r.State == Settling || d.Execed && r.State == Alive
		if !again || time.Now().After(d.end) || d.leaving.Load() {
			return j != nil
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (d *guardDuty) fate() fate {
	if d.Execed {
		return execed
	}
	return dead
}

// died says how the owner ended.
func (d *guardDuty) died() string {
	switch {
	case d.Execed:
		return "became another program"
	case d.StatusKnown:
		return ended(syscall.WaitStatus(d.Status))
	}
	return ""
}

func ended(status syscall.WaitStatus) string {
	if status.Signaled() {
		return "signal " + status.Signal().String()
	}
	return "exit " + strconv.Itoa(status.ExitStatus())
}

// settle makes one attempt at each entry that was not tried yet, but for those that are late.
func (d *guardDuty) settle(late func(int) bool) {
	s := &settler{
		journal: d.journal, entries: d.entries, find: findKind(d.journal.Owner()), now: time.Now,
		skip: func(i int) bool { return d.tried[i] || late(i) },
		pass: pass{
			limit: max(time.Until(d.end), time.Millisecond), living: livingNames(folderOf(d.Journal), d.Journal),
			release: d.release, leaving: d.leaving.Load,
		},
	}
	d.report.Records = append(d.report.Records, s.run(context.Background())...)
	for i := range d.entries {
		if !late(i) {
			d.tried[i] = true
		}
	}
}

// release frees a lock that the owner had handed over: what it protected is settled.
func (d *guardDuty) release(key uint64) {
	if fd, ok := d.Locks[key]; ok {
		_ = syscall.Close(fd)
	}
}

// settleRest settles what needed the program's own kinds, and ends the process.
func (d *guardDuty) settleRest() {
	if time.Now().Before(d.end) && !d.leaving.Load() {
		d.settle(func(int) bool { return false })
	}
	d.exit()
}

// exit ends the guard. What is left is for the next start.
func (d *guardDuty) exit() {
	for i := range d.entries {
		if d.tried[i] {
			continue
		}
		d.report.Records = append(d.report.Records, reportOf(d.journal.Owner(), &d.entries[i].Record))
	}
	for range 20 { // while its parent reaps it, nobody knows
		if d.Ask(); d.StatusKnown || d.Execed {
			break
		}
		time.Sleep(time.Millisecond)
	}
	d.report.Died, d.report.Crash = d.died(), readCrash(d.Journal)
	if len(d.report.Records) > 0 || d.report.Crash != "" || len(d.report.Damaged) > 0 || d.report.State == Unusable {
		writeReport(folderOf(d.Journal), Report{Began: d.began, Duration: time.Since(d.began), Journals: []JournalReport{d.report}})
	}
	if d.journal != nil {
		removeEmpty(d.journal)
	}
	os.Exit(0)
}

// waitForGo tells which entries are Go kinds, or have their turn only after one: those wait for the program.
func (d *guardDuty) waitForGo() map[int]bool {
	waits := make(map[int]bool)
	for i := range d.entries {
		if isGo(d.entries[i].Record.Kind) {
			waits[i] = true
		}
	}
	if len(waits) > 0 {
		blockedBy(d.entries, waits)
	}
	return waits
}
