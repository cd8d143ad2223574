package durable

import (
	"encoding/json"
	"errors"
	"time"
)

// The stable forms of reports in JSON.
type (
	reportForm struct {
		Began    time.Time       `json:"began"`
		Duration time.Duration   `json:"duration_ns"`
		Journals []JournalReport `json:"journals"`
	}
	journalForm struct {
		Path    string         `json:"path"`
		Program string         `json:"program,omitempty"`
		Command string         `json:"command,omitempty"`
		Pid     int            `json:"pid,omitempty"`
		Created time.Time      `json:"created,omitzero"`
		State   State          `json:"state"`
		Why     string         `json:"why,omitempty"`
		Died    string         `json:"died,omitempty"`
		Crash   string         `json:"crash,omitempty"`
		Damaged []string       `json:"damaged,omitempty"`
		Records []RecordReport `json:"records"`
	}
	recordForm struct {
		ID       string        `json:"id"`
		Kind     string        `json:"kind"`
		Name     string        `json:"name,omitempty"`
		Site     string        `json:"site,omitempty"`
		Outcome  Outcome       `json:"outcome"`
		Attempts int           `json:"attempts"`
		Due      time.Time     `json:"due,omitzero"`
		Error    string        `json:"error,omitempty"`
		Duration time.Duration `json:"duration_ns"`
	}
)

// MarshalJSON gives the stable form.
func (r Report) MarshalJSON() ([]byte, error) {
	f := reportForm(r)
	if f.Journals == nil {
		f.Journals = []JournalReport{}
	}
	return json.Marshal(f)
}

// UnmarshalJSON reads the stable form.
func (r *Report) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, (*reportForm)(r)) }

// MarshalJSON gives the stable form.
func (j JournalReport) MarshalJSON() ([]byte, error) {
	f := journalForm(j)
	if f.Records == nil {
		f.Records = []RecordReport{}
	}
	return json.Marshal(f)
}

// UnmarshalJSON reads the stable form.
func (j *JournalReport) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, (*journalForm)(j))
}

// MarshalJSON gives the stable form.
func (r RecordReport) MarshalJSON() ([]byte, error) {
	text := ""
	if r.Err != nil {
		text = r.Err.Error()
	}
	return json.Marshal(recordForm{r.ID, r.Kind, r.Name, r.Site, r.Outcome, r.Attempts, r.Due, text, r.Duration})
}

// UnmarshalJSON reads the stable form. Of an error it has the text only.
func (r *RecordReport) UnmarshalJSON(text []byte) error {
	var f recordForm
	if err := json.Unmarshal(text, &f); err != nil {
		return err
	}
	*r = RecordReport{f.ID, f.Kind, f.Name, f.Site, f.Outcome, f.Attempts, f.Due, nil, f.Duration}
	if f.Error != "" {
		r.Err = errors.New(f.Error)
	}
	return nil
}
