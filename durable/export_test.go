package durable

import "time"

// Canceled and Note are what package lastly calls, for tests of another package.
func (r *Record[P]) Canceled() { joint[P]{r}.Canceled() }

func (r *Record[P]) Note() string { return joint[P]{r}.Note() }

// WriteReport is writeReport.
var WriteReport = writeReport

// Again is again.
func (r Report) Again(err error, round int) time.Time { return r.again(err, round) }
