package run

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/cmd/lastly/internal/run/config"
	"github.com/lastly-go/lastly/cmd/lastly/internal/run/engine"
	"github.com/lastly-go/lastly/durable"
)

// configured is what a file registers: a scope of its own, so that a name in it can only mean a hook of the file.
type configured struct {
	scope     *lastly.Scope
	onFailure []*durable.Record[durable.Command]
}

// configure reads the file, if there is one. What it says as flags counts as written before those of the command line, so that
// these win, and those that are repeatable add to it.
func (r *runner) configure(args []string) (err error) {
	if path := r.options.Config; path != "" {
		if r.config, err = config.Read(path); err != nil {
			return err
		}
		if r.options, err = engine.Parse(append(r.config.Flags[:len(r.config.Flags):len(r.config.Flags)], args...)); err != nil {
			return err
		}
		if r.options.NoWait && len(r.options.Lock) == 0 {
			return engine.ErrNoLock
		}
	}
	r.allow()
	return nil
}

// allow gives those that undo the time for it: this process, and the guard, which before that waits for the tree's end.
func (r *runner) allow() {
	r.scope.Grace = lastly.DefaultGrace
	if r.config != nil {
		r.scope.Grace += r.config.Time()
	}
	_ = durable.Setup(durable.Settings{GuardLimit: r.guardLimit()}) // nothing is registered yet
}

// guardLimit is how long a guard may take in all. What is added later may have times of its own: each has at most that.
func (r *runner) guardLimit() time.Duration {
	return r.grace() + 2*awaitInner + r.scope.Grace + addedTime
}

const addedTime = time.Hour

// registerConfig registers what the file says, in its order.
func (r *runner) registerConfig() error {
	if r.config == nil {
		return nil
	}
	c := &r.configured
	c.scope = r.scope.Child(lastly.Hook{Name: "config " + filepath.Base(r.config.Name)})
	for _, path := range r.config.Remove {
		if err := registerRemove(c.scope, path); err != nil {
			return err
		}
	}
	for _, h := range r.config.Hooks {
		record, err := durable.Exec.Register(c.scope, h.Command, lastly.Hook{Name: h.Name, Uses: h.Uses, Timeout: h.Timeout})
		if err != nil {
			return fmt.Errorf("%s: %v: %w", r.config.Name, &h, err)
		}
		if h.OnFailure {
			c.onFailure = append(c.onFailure, record)
		}
	}
	return nil
}

// spare cancels what is for failures only, when the scope has begun to close: so the hooks that use one of them still come before
// what that one uses. Cancelled earlier, it would be a name that nobody bears.
func (c *configured) spare() {
	if len(c.onFailure) == 0 {
		return
	}
	c.scope.Register(lastly.Hook{Name: "status 0", BestEffort: true, Run: func(context.Context) error {
		for _, record := range c.onFailure {
			record.Cancel()
		}
		return nil
	}})
}
