// Package packaging is the proof of what is in the folder packaging: that a release can be installed with `go install`, that
// the image from scratch is enough for `lastly run`, that systemd and the shells take their files.
//
// What needs a container engine, systemd or a shell that is not there is skipped, and says so.
package packaging
