// Package real finds the programs that tests use in earnest: servers and tools of others, as the system's packages
// install them.
//
// On a machine without them a test is skipped and says what to install. Where the variable LASTLY_REQUIRE_REAL is set,
// as in CI, a missing program is a failure: a suite that skips what it is for looks as green as one that passes.
package real

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// Need returns the path of a program that the Debian package installs. It skips the test where there is none, or fails
// it when LASTLY_REQUIRE_REAL is set.
func Need(t testing.TB, program, debianPackage string) string {
	t.Helper()
	path := find(program, folders("/"))
	if path != "" {
		return path
	}
	const missing = "%s is not installed (apt-get install %s)"
	if os.Getenv("LASTLY_REQUIRE_REAL") != "" {
		t.Fatalf(missing+", and LASTLY_REQUIRE_REAL is set", program, debianPackage)
	}
	t.Skipf(missing, program, debianPackage)
	return ""
}

// find looks in PATH, then in the folders.
func find(program string, folders []string) string {
	if path, err := exec.LookPath(program); err == nil {
		return path
	}
	for _, folder := range folders {
		if path, err := exec.LookPath(filepath.Join(folder, program)); err == nil {
			return path
		}
	}
	return ""
}

// folders are those of a Debian system that PATH may lack: the administrator's programs, and PostgreSQL's, which are
// kept by version so that several can be installed. The newest comes first.
func folders(root string) []string {
	postgres, _ := filepath.Glob(filepath.Join(root, "usr/lib/postgresql/*/bin")) // the only error is a bad pattern
	version := func(folder string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(folder))) // what is no version comes last
		return n
	}
	slices.SortFunc(postgres, func(a, b string) int { return cmp.Compare(version(b), version(a)) })
	return append([]string{filepath.Join(root, "usr/sbin"), filepath.Join(root, "sbin")}, postgres...)
}
