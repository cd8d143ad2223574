package lastly

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

// logPatience is how long a flow waits for its Logger to take one line. A handler that blocks (a full pipe, a lock held
// by a hung goroutine) must not hold up the exit.
const logPatience = 100 * time.Millisecond

// logBudget is how long a flow waits for its Logger in all. A slow one loses lines after that, not cleanups.
const logBudget = time.Second

// bounded calls foreign code that must not hold up the caller. It reports whether the call returned in time; a call that
// did not goes on in its goroutine.
func bounded(patience time.Duration, call func()) bool {
	began, done := make(chan struct{}), make(chan struct{})
	go func() { // ends when call returns
		defer close(done)
		defer func() { _ = recover() }() // a logger's panic is no reason to skip a cleanup
		close(began)
		call()
	}()
	<-began // a busy machine may take longer than the call has; that is not the call's fault
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

// write hands one line to the Logger, without the lock. While an earlier line is stuck, later ones are left out: the
// Report has it all. spent is what the flow has waited so far.
func (s *Scope) write(spent *atomic.Int64, logger *slog.Logger, level slog.Level, msg string, attrs ...slog.Attr) {
	left := logBudget - time.Duration(spent.Load())
	if logger == nil || left <= 0 || !s.logging.CompareAndSwap(false, true) {
		return
	}
	attrs = append([]slog.Attr{slog.String("scope", s.Name)}, attrs...)
	began := time.Now()
	bounded(min(logPatience, left), func() {
		defer s.logging.Store(false)
		logger.LogAttrs(context.Background(), level, msg, attrs...)
	})
	spent.Add(int64(time.Since(began)))
}

func (f *flow) logBegin(cause error) {
	if f.logger == nil {
		return
	}
	f.s.write(&f.logSpent, f.logger, slog.LevelInfo, "lastly: closing", slog.Any("cause", cause), slog.Duration("grace", f.grace))
	bounded(logPatience, func() {
		debug := f.logger.Enabled(context.Background(), slog.LevelDebug)
		f.s.mu.Lock()
		f.debug = debug
		f.s.mu.Unlock()
	})
	f.s.mu.Lock()
	holds := 0
	run := false
	for h := f.s.holds; h != nil; h = h.next {
		if h.over {
			continue
		}
		holds++
		run = run || h.run
	}
	f.s.mu.Unlock()
	if run {
		f.s.write(&f.logSpent, f.logger, slog.LevelInfo, "lastly: waiting for run to return", slog.Duration("at_most", min(f.hookTimeout, f.grace)))
		holds--
	}
	if holds > 0 {
		f.s.write(&f.logSpent, f.logger, slog.LevelInfo, "lastly: waiting for work in progress",
			slog.Int("holds", holds), slog.Duration("at_most", min(f.hookTimeout, f.grace)))
	}
}

// logHook tells how a hook ended.
func (f *flow) logHook(r *record) {
	if f.logger == nil {
		return
	}
	attrs := []slog.Attr{
		slog.String("hook", r.h.label()), slog.String("site", siteString(r.h.site)),
		slog.Duration("took", r.ended-r.began), slog.String("outcome", string(r.outcome.name())),
	}
	if r.failure == nil {
		f.s.write(&f.logSpent, f.logger, slog.LevelDebug, "lastly: hook done", attrs...)
		return
	}
	attrs = append(attrs, slog.Any("error", r.failure))
	if te, ok := abandonedError(r); ok && te.Stack != nil {
		attrs = append(attrs, slog.String("stack", string(te.Stack)))
	}
	f.s.write(&f.logSpent, f.logger, slog.LevelError, "lastly: hook failed", attrs...)
}

func (f *flow) logSkipped(n int) {
	if n > 0 {
		f.s.write(&f.logSpent, f.logger, slog.LevelError, "lastly: time is over, hooks did not start", slog.Int("hooks", n))
	}
}

func (f *flow) logEnd() {
	if f.logger == nil {
		return
	}
	for _, loop := range f.loops {
		f.s.write(&f.logSpent, f.logger, slog.LevelWarn, "lastly: hooks use each other in a loop", slog.Any("error", f.loopError(loop)))
	}
	level := slog.LevelInfo
	if len(f.errs) > 0 {
		level = slog.LevelError
	}
	f.s.write(&f.logSpent, f.logger, level, "lastly: closed", slog.Int("hooks", f.size()), slog.Int("failed", len(f.errs)), slog.Duration("took", f.took))
}

func (f *flow) loopError(loop []*Handle) *CycleError {
	e := &CycleError{Scope: f.s.Name}
	for _, h := range loop {
		e.Members = append(e.Members, h.member())
	}
	return e
}

// logEarly tells of a failure outside of any flow.
func (s *Scope) logEarly(err error) {
	_, _, logger := s.settings()
	s.write(new(atomic.Int64), logger, slog.LevelError, fmt.Sprintf("lastly: a Go failed, so its %s closes", s.title()), slog.Any("error", err))
}
