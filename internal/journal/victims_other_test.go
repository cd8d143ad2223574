//go:build !unix

package journal

import "github.com/lastly-go/lastly/internal/testproc"

var victims testproc.Victims
