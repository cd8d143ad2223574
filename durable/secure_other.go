//go:build !linux

package durable

import "github.com/lastly-go/lastly/internal/proc"

func readSecure() bool { return proc.Secure() }
