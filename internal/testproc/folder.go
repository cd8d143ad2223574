package testproc

import (
	"fmt"
	"os"
)

// folderVariable is where package durable keeps its journals.
const folderVariable = "LASTLY_DIR"

// OwnFolder calls run, which runs the tests, with a folder of their own for journals, that of a victim that is given none
// among them: os.Exit(testproc.OwnFolder(func() int { return testproc.Main(m, victims...) })). A victim keeps the folder
// that it was given, also if that is none: that is a test of the default one.
func OwnFolder(run func() int) int {
	if _, set := os.LookupEnv(folderVariable); set {
		return run()
	}
	keepToOneself()
	dir, err := os.MkdirTemp("", "lastly-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	defer os.RemoveAll(dir)
	_ = os.Setenv(folderVariable, dir)
	return run()
}
