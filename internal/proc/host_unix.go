//go:build linux || darwin

package proc

import "os"

func equalIDs() bool { return os.Getuid() == os.Geteuid() && os.Getgid() == os.Getegid() }
