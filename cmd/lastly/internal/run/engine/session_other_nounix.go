//go:build !unix

package engine

import "os"

// forwarded are the signals that are passed on.
var forwarded = []os.Signal{os.Interrupt}

func numberOf(os.Signal) int { return 2 }
