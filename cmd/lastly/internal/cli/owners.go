package cli

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lastly-go/lastly/cmd/lastly/internal/control"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/journal"
	"github.com/lastly-go/lastly/internal/seam"
)

// An Owner is a process and what it has registered, as `list --json` shows it. Names stay; new ones may be added.
type Owner struct {
	ID      string        `json:"id"`      // the first part of its records' ids
	Journal string        `json:"journal"` // its file
	State   durable.State `json:"state"`
	Why     string        `json:"why,omitempty"`
	Program string        `json:"program,omitempty"`
	Command string        `json:"command,omitempty"`
	Pid     int           `json:"pid,omitempty"`
	Created time.Time     `json:"created,omitzero"`
	Run     string        `json:"run,omitempty"` // the socket for --owner, if it is a run
	Damaged []string      `json:"damaged,omitempty"`
	Records []Record      `json:"records"`
}

// A Record is one thing that is to be undone.
type Record struct {
	ID         string        `json:"id"`
	Kind       string        `json:"kind"`
	Name       string        `json:"name,omitempty"`
	What       string        `json:"what,omitempty"` // what it is about, without secrets; "" for kinds of other programs
	Site       string        `json:"site,omitempty"`
	Uses       []string      `json:"uses,omitempty"`
	Last       bool          `json:"last,omitempty"`
	Timeout    time.Duration `json:"timeout_ns,omitempty"`
	Attempts   int           `json:"attempts,omitempty"`
	Tried      time.Time     `json:"tried,omitzero"`
	Due        time.Time     `json:"due,omitzero"` // when it may be tried again
	DeadLetter bool          `json:"dead_letter,omitempty"`
	LastError  string        `json:"last_error,omitempty"`

	number uint64
}

// folder is where journals are.
func folder() (string, error) { return seam.OfDurable.Folder(false) }

// journals are the files of the folder that are called like journals.
func journals(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the journals: %w; set LASTLY_DIR to a folder that this user may read", err)
	}
	var paths []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), journal.Suffix) && !strings.HasPrefix(e.Name(), journal.TempPrefix) {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths, nil
}

// owners reads all journals of the folder. It takes no lock and writes nothing, so that nobody notices it.
func owners() ([]Owner, error) {
	dir, err := folder()
	if err != nil {
		return nil, err
	}
	paths, err := journals(dir)
	if err != nil {
		return nil, err
	}
	w := newWitness()
	all := make([]Owner, 0, len(paths))
	for _, path := range paths {
		if o, ok := readOwner(path, w); ok {
			all = append(all, o)
		}
	}
	addRuns(all, dir)
	slices.SortStableFunc(all, func(a, b Owner) int { return a.Created.Compare(b.Created) })
	return all, nil
}

// readOwner returns false for a journal that is gone meanwhile.
func readOwner(path string, w *witness) (Owner, bool) {
	o := Owner{Journal: path, Records: []Record{}}
	if pid, id, ok := journal.ParseName(filepath.Base(path)); ok {
		o.Pid, o.ID = pid, hex.EncodeToString(id[:])
	}
	header, content, err := journal.Read(path)
	if err != nil {
		o.State, o.Why = durable.Unusable, err.Error()
		return o, !errors.Is(err, fs.ErrNotExist)
	}
	o.ID, o.Program, o.Command = hex.EncodeToString(header.ID[:]), header.Program, header.Command
	o.Pid, o.Created = header.Pid, header.Created
	o.State, o.Why = w.judge(path, header)
	for _, d := range content.Damaged {
		o.Damaged = append(o.Damaged, fmt.Sprintf("at byte %d: %s", d.Offset, d.Why))
	}
	o.Records = make([]Record, len(content.Entries))
	for i := range content.Entries {
		o.Records[i] = recordOf(o.ID, &content.Entries[i].Record)
	}
	return o, true
}

func recordOf(owner string, r *journal.Record) Record {
	rec := Record{
		ID: owner + "-" + strconv.FormatUint(r.ID, 10), Kind: r.Kind, Name: r.Name, What: describe(r.Kind, r.Payload), Site: r.Site,
		Uses: r.Uses, Last: r.Last, Timeout: r.Timeout, Attempts: r.Attempts, Tried: r.Tried, DeadLetter: r.Dead, LastError: r.LastError,
		number: r.ID,
	}
	if r.Attempts > 0 && !r.Dead {
		rec.Due = r.Tried.Add(pauseAfter(r.Attempts))
	}
	return rec
}

// pauseAfter is how long to wait after the nth attempt, as package durable documents it.
func pauseAfter(attempts int) time.Duration {
	return min(time.Second<<(2*min(attempts, 10)-2), time.Hour)
}

// addRuns finds the sockets of those that are runs.
func addRuns(all []Owner, dir string) {
	byPid := make(map[int]string)
	for _, path := range control.Sockets(dir, 0) {
		name := strings.TrimPrefix(filepath.Base(path), "run-")
		number, _, _ := strings.Cut(name, "-")
		if pid, err := strconv.Atoi(number); err == nil {
			byPid[pid] = path
		}
	}
	for i := range all {
		if all[i].State == durable.Alive {
			all[i].Run = byPid[all[i].Pid]
		}
	}
}

// socketOf is the socket of a run that is named by its owner's id, a part of it, or its process number.
func socketOf(owner string) (string, error) {
	dir, err := folder()
	if err != nil {
		return "", err
	}
	pid, err := strconv.Atoi(owner)
	if isPid := err == nil && pid > 0; !isPid || len(control.Sockets(dir, pid)) == 0 && len(owner) >= leastPrefix {
		path, err := journalOf(owner)
		if err != nil {
			return "", err
		}
		pid, _, _ = journal.ParseName(filepath.Base(path))
	}
	for _, path := range control.Sockets(dir, pid) {
		if !control.Dead(path) {
			return path, nil
		}
	}
	return "", notFoundf("owner %s is no run, or it is gone: nothing can be registered with it from outside; `lastly list` shows what there is", owner)
}

// leastPrefix is how much of an owner's id has to be given.
const leastPrefix = 4

// journalOf finds a journal by its owner's id, or a part of it.
func journalOf(owner string) (string, error) {
	dir, err := folder()
	if err != nil {
		return "", err
	}
	paths, err := journals(dir)
	if err != nil {
		return "", err
	}
	if len(owner) < leastPrefix {
		return "", usagef("%q is too short for an owner's id; give at least %d of its digits, as `lastly list` shows them", owner, leastPrefix)
	}
	var found []string
	for _, path := range paths {
		if _, id, ok := journal.ParseName(filepath.Base(path)); ok && strings.HasPrefix(hex.EncodeToString(id[:]), owner) {
			found = append(found, path)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", notFoundf("there is no owner %s in %s; `lastly list` shows what there is", owner, dir)
	}
	return "", notFoundf("%d owners begin with %s; give more of the id, as `lastly list --json` shows it", len(found), owner)
}

// digits is how many digits of ids are shown: on a terminal as many as are needed, else all, for whoever looks for what `add`
// has printed.
func (a *app) digits(all []Owner) int {
	if isTerminal(a.rawOut) {
		return shortest(all)
	}
	return 2 * len(journal.Owner{}.ID)
}

// shortest is how many digits of ids tell the owners apart.
func shortest(all []Owner) int {
	ids := make([]string, len(all))
	for i := range all {
		ids[i] = all[i].ID
	}
	slices.Sort(ids)
	most := 8
	for i := 1; i < len(ids); i++ {
		same := 0
		for same < min(len(ids[i]), len(ids[i-1])) && ids[i][same] == ids[i-1][same] {
			same++
		}
		most = max(most, same+1)
	}
	return cmp.Or(most, 8)
}
