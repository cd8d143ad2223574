package durable

// Canceled and Note are what package lastly calls, for tests of another package.
func (r *Record[P]) Canceled() { joint[P]{r}.Canceled() }

func (r *Record[P]) Note() string { return joint[P]{r}.Note() }

// WriteReport is writeReport.
var WriteReport = writeReport
