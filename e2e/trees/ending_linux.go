package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// A way is one in which a whole tree is ended.
type way struct {
	name, tool string
	event      event
	grace      string
}

// ways begin with the one that the others are compared with.
func ways() []way {
	return []way{
		{name: "PID namespace, SIGKILL of unshare", tool: nameNamespace, event: eventKill},
		{name: "resource.Start, SIGKILL of the program, no grace", tool: nameLastly, event: eventKill, grace: "1ns"},
		{name: "resource.Start, SIGKILL of the program, grace 1 ms", tool: nameLastly, event: eventKill, grace: "1ms"},
		{name: "resource.Start, SIGTERM to the program, which returns, grace 1 ms", tool: nameLastly, event: eventTerm, grace: "1ms"},
		{name: "`lastly run`, SIGKILL of the outer process, no grace", tool: nameRun, event: eventKill, grace: "0"},
		{name: "`lastly run`, SIGKILL of the outer process, grace 1 ms", tool: nameRun, event: eventKill, grace: "1ms"},
		{name: "`lastly run`, SIGTERM, which ends the command, grace 1 ms", tool: nameRun, event: eventTerm, grace: "1ms"},
		{name: "`lastly run`, the command exits, no grace", tool: nameRun, event: eventExit, grace: "0"},
		{name: "`lastly run --temp`, SIGKILL of the inner process, no grace", tool: nameGuarded, event: event{do: (*trial).killSupervisor}, grace: "0"},
	}
}

// waysOf are those of the tools, behind the first one; none if there are none of them.
func waysOf(list []tool) []way {
	all := ways()
	some := slices.DeleteFunc(all[1:], func(w way) bool {
		return !slices.ContainsFunc(list, func(t tool) bool { return t.name == w.tool })
	})
	if len(some) == 0 {
		return nil
	}
	return all[:1+len(some)]
}

// round times every way once, one right after the other: how busy the machine is changes.
func (l lab) round(ctx context.Context, t *table, ways []way) error {
	if _, why := toolNamed(nameNamespace).find(); why != "" {
		t.NotTimed = why
		return nil
	}
	for i, w := range ways {
		took, err := l.time(ctx, w)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		if i == len(t.Endings) {
			t.Endings = append(t.Endings, ending{Way: w.name})
		}
		t.Endings[i].Took = append(t.Endings[i].Took, took)
	}
	return nil
}

// time is how long it takes until the last process has ended.
func (l lab) time(ctx context.Context, w way) (took time.Duration, err error) {
	f, err := newForest(l.each, false)
	if err != nil {
		return 0, err
	}
	tool := toolNamed(w.tool)
	tool.grace = w.grace
	t, err := l.plant(ctx, f, tool)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, t.clear()) }()
	sleepers, shells := t.living()
	held, err := hold(append(sleepers, shells...))
	defer held.close()
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	if err := w.event.do(t); err != nil {
		return 0, err
	}
	if err := held.await(30 * time.Second); err != nil {
		return 0, err
	}
	return time.Since(begin), nil
}
