//go:build !linux

package proc

import "github.com/lastly-go/lastly/internal/testproc"

var linuxVictims, chainVictims testproc.Victims
