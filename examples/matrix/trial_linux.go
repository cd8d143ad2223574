package matrix

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Most of these are for what hangs, and no measure of what is slow: journals are synced to a disk that others may be using.
const (
	startLimit  = time.Minute            // from a start until everything is held
	endLimit    = time.Minute            // for a victim to be gone
	cleanLimit  = 40 * time.Second       // for its guard to be done
	stepLimit   = 30 * time.Second       // between two steps of a death
	starveLimit = time.Minute            // to take the memory
	nextLimit   = 40 * time.Second       // for another start to settle
	asleepLimit = 300 * time.Millisecond // for Go to notice that nobody is awake
	leaveLimit  = 20 * time.Second       // for processes that have nothing to do any more
)

// A trial is one row while it is run.
type trial struct {
	part
	death    death
	server   *server
	patience time.Duration
	nextWrap *wrap
	cgroup   *cgroup // nil: none

	cmd       *exec.Cmd
	stdin     *os.File
	stdout    *os.File
	gone      chan struct{}      // closed when the victim is
	processes map[string]process // by role, when everything was held
	bystander *exec.Cmd

	caused time.Time      // when the death began, or the start that has to settle
	before map[string]int // how often things were released before that start; -1: not at all
	row    Row
}

// try runs one row. The error is about the trial itself, not about its outcome.
func try(ctx context.Context, o Options, d death, s *server) (row Row, err error) {
	dir, err := os.MkdirTemp(o.Dir, "lastly-matrix-")
	if err != nil {
		return row, err
	}
	id := strings.ToLower(rand.Text())
	t := &trial{
		part:  part{Row: id, Role: roleVictim, Dir: dir, URL: s.url(id), Resources: o.Resources, Way: d.way},
		death: d, server: s, patience: cmp.Or(o.patience, cleanLimit), gone: make(chan struct{}), processes: make(map[string]process),
		row: Row{Death: d.name, Title: d.title, By: d.by, WantExit: d.exit, Note: d.note, Cells: []Cell{}, Problems: []string{}},
	}
	defer func() { err = errors.Join(err, t.clear()) }()
	if err := t.prepare(); err != nil {
		return row, err
	}
	if d.needs != nil {
		t.row.Skipped = d.needs(t)
	}
	if t.row.Skipped == "" {
		if err := t.run(ctx); err != nil { // the others are not to blame
			t.problem("could not find out: %v; it said: %s", err, t.said())
		}
	} else {
		t.skip()
	}
	t.row.judge()
	return t.row, nil
}

// prepare makes the row's folders, and puts the bystanders there.
func (t *trial) prepare() error {
	for _, dir := range []string{stateFolder, tempFolder, besideFolder} {
		if err := os.Mkdir(t.path(dir), 0o700); err != nil {
			return err
		}
	}
	for _, dir := range []string{tempFolder, besideFolder} {
		if err := os.WriteFile(t.path(dir, keptFile), []byte(t.Row), 0o600); err != nil {
			return err
		}
	}
	if t.death.hold {
		if err := os.WriteFile(t.path(holdName), nil, 0o600); err != nil {
			return err
		}
	}
	beside := t.part
	beside.Row += " is another" // no process of this row
	var err error
	if t.bystander, err = beside.command(roleBystander); err != nil {
		return err
	}
	return t.bystander.Start()
}

// run is the row: the victim's life and death, what comes after, and the look.
func (t *trial) run(ctx context.Context) error {
	if err := t.start(ctx); err != nil {
		return fmt.Errorf("start the victim: %w", err)
	}
	if err := t.death.end(ctx, t); err != nil {
		return fmt.Errorf("bring the death about: %w", err)
	}
	if !t.livesOn() {
		if err := t.wait(ctx, endLimit); err != nil {
			return fmt.Errorf("wait for the victim's end: %w", err)
		}
	}
	if t.death.then != "" {
		if err := t.follow(ctx); err != nil {
			return fmt.Errorf("%s: %w", t.death.then, err)
		}
	}
	_ = within(ctx, t.patience, func() bool { return t.released() && len(t.journals()) == 0 }) // if not, the cells say so
	t.row.MS = time.Since(t.caused).Milliseconds()
	t.look(ctx)
	return nil
}

// livesOn: the victim becomes another program, and that one is none of anybody's business.
func (t *trial) livesOn() bool { return t.death.way == "exec" }

// start starts the victim, and returns when it holds everything.
func (t *trial) start(ctx context.Context) error {
	if err := t.launch(); err != nil {
		return err
	}
	ready := make(chan error, 1)
	go func() { // ends with the line, or with the victim
		line, err := bufio.NewReader(t.stdout).ReadString('\n')
		if err == nil && strings.TrimSpace(line) != saysReady {
			err = fmt.Errorf("it said %q", line)
		}
		ready <- err
	}()
	select {
	case err := <-ready:
		if err != nil {
			return fmt.Errorf("wait until it is ready: %w", err)
		}
	case <-time.After(startLimit):
		return errors.New("it is not ready in time")
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	var err error
	_ = within(ctx, stepLimit, func() bool { // in the moment in which a process becomes another program, it has no environment
		t.processes = make(map[string]process)
		for _, p := range processesOf(t.Row) {
			t.processes[p.role] = p
		}
		err = t.checkHeld()
		return err == nil
	})
	return err
}

func (t *trial) launch() error {
	cmd, err := t.command(roleVictim)
	if err != nil {
		return err
	}
	if t.Wrap != nil {
		t.Wrap.around(cmd)
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true // what is sent to its group is not for us
	stdin, toVictim, err := os.Pipe()
	if err != nil {
		return err
	}
	defer stdin.Close()
	t.stdin = toVictim
	fromVictim, stdout, err := os.Pipe()
	if err != nil {
		return err
	}
	defer stdout.Close()
	t.stdout = fromVictim
	stderr, err := os.Create(t.path(errorFile))
	if err != nil {
		return err
	}
	defer stderr.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	t.cmd = cmd
	go func() { // ends with the victim; clear sees to that
		_ = cmd.Wait() // what there is to know is in ProcessState
		close(t.gone)
	}()
	return nil
}

// checkHeld makes sure that there is something to release: else every cell would be clean.
func (t *trial) checkHeld() error {
	for _, r := range t.resources() {
		if r.left(t) == "" {
			return fmt.Errorf("the victim does not hold %s", r.name)
		}
	}
	if _, ok := t.processes[roleGuard]; !ok && (t.Wrap == nil || !t.Wrap.Proc) {
		return errors.New("it has no guard")
	}
	return nil
}

func (t *trial) resources() []resource {
	var chosen []resource
	for _, r := range resources() {
		if selected(t.Resources, r.name) {
			chosen = append(chosen, r)
		}
	}
	return chosen
}

// wait waits for the victim to be gone.
func (t *trial) wait(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	select {
	case <-t.gone:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// guards are the row's guards, other than the first.
func (t *trial) guards() []process {
	var guards []process
	for _, p := range processesOf(t.Row) {
		if p.role == roleGuard && p.pid != t.processes[roleGuard].pid {
			guards = append(guards, p)
		}
	}
	return guards
}

func (t *trial) killGuards(ctx context.Context) error {
	guard := t.processes[roleGuard]
	if err := guard.kill(); err != nil {
		return err
	}
	return within(ctx, stepLimit, func() bool { return !guard.lives() })
}

// released: nothing is left of anything, but what must be left alone.
func (t *trial) released() bool {
	for _, r := range t.resources() {
		if !t.spared(r) && r.left(t) != "" {
			return false
		}
	}
	return true
}

func (t *trial) spared(r resource) bool { return t.death.spares && r.process != "" }

// follow starts who comes after the victim, and waits until that one is done.
func (t *trial) follow(ctx context.Context) error {
	t.before = make(map[string]int)
	for _, r := range t.resources() {
		switch {
		case r.left(t) != "":
			t.before[r.name] = -1
		case r.times != nil:
			t.before[r.name] = r.times(t)
		}
	}
	p := t.part
	p.Wrap = t.nextWrap
	cmd, err := p.command(t.death.then)
	if err != nil {
		return err
	}
	if p.Wrap != nil {
		p.Wrap.around(cmd)
	}
	stderr, err := os.OpenFile(t.path(errorFile), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	defer stderr.Close()
	cmd.Stderr = stderr
	t.caused = time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // ends with the process, which is bounded, or killed below
	select {
	case err = <-ended:
	case <-time.After(nextLimit + endLimit):
		_ = cmd.Process.Kill()
		err = errors.Join(errors.New("it did not end"), <-ended)
	case <-ctx.Done():
		_ = cmd.Process.Kill()
		<-ended
		return context.Cause(ctx)
	}
	if err != nil {
		t.problem("the %s ended with %v; it said: %s", t.death.then, err, t.said())
	}
	return nil
}

func (t *trial) problem(format string, args ...any) {
	t.row.Problems = append(t.row.Problems, fmt.Sprintf(format, args...))
}
