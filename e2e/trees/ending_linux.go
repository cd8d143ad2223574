package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A way is one in which a whole tree is ended.
type way struct {
	name, tool string
	event      event
	grace      string // of resource.Start
}

// ways begin with the one that the others are compared with.
func ways() []way {
	return []way{
		{name: "PID namespace, SIGKILL of unshare", tool: nameNamespace, event: eventKill},
		{name: "lastly, SIGKILL of the program, no grace", tool: nameLastly, event: eventKill, grace: "1ns"},
		{name: "lastly, SIGKILL of the program, grace 1 ms", tool: nameLastly, event: eventKill, grace: "1ms"},
		{name: "lastly, SIGTERM to the program, which returns, grace 1 ms", tool: nameLastly, event: eventTerm, grace: "1ms"},
	}
}

// round times every way once, one right after the other: how busy the machine is changes.
func (l lab) round(ctx context.Context, t *table) error {
	if _, why := toolsNamed(nameNamespace)[0].find(); why != "" {
		t.NotTimed = why
		return nil
	}
	for i, w := range ways() {
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
	t, err := l.plant(ctx, f, toolsNamed(w.tool)[0], graceVariable+"="+w.grace)
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
