package durable

import (
	"context"
	"slices"
	"time"

	"github.com/lastly-go/lastly/internal/journal"
)

// ownFolder is where this process has its journals.
func ownFolder(make bool) (string, error) { return currentSettings().folder(make) }

// settleOneRecord is for the command, where a person says about one record that it is to be tried, or forgotten, now.
func settleOneRecord(ctx context.Context, path string, id uint64, forget bool) any {
	ctx, cancel := context.WithTimeout(ctx, DefaultLimit)
	defer cancel()
	j, content, r := claim(path, unknownFate)
	if j == nil {
		return r
	}
	at := slices.IndexFunc(content.Entries, func(e journal.Entry) bool { return e.Record.ID == id })
	if at < 0 {
		_ = j.Close()
		return r
	}
	p := pass{
		limit: Options{}.left(ctx), retry: true, living: livingNames(folderOf(path), path), gone: goneWith(j.Owner()), leaving: canceled(ctx),
	}
	st := &settler{
		journal: j, entries: content.Entries, find: findKind(j.Owner()), pass: p, now: time.Now,
		skip: func(i int) bool { return i != at },
	}
	if forget {
		r.Records = []RecordReport{st.forget(at)}
	} else {
		r.Records = st.run(ctx)
	}
	st.whenIdle(func() {
		removeEmpty(j)
		_ = j.Close()
	})
	return r
}

// forget strikes a record that nobody will carry out.
func (s *settler) forget(i int) RecordReport {
	r := reportOf(s.journal.Owner(), &s.entries[i].Record)
	r.Outcome, r.Due = Expired, time.Time{}
	if err := s.journal.Strike(s.entries[i].Ref); err != nil {
		r.Outcome, r.Err = Failed, err
	}
	return r
}
