// Package app puts the service together. It is the service's main, as a package, so that another program can be the
// service as well: the demo starts itself in this role.
//
// There are two wirings of the same parts: see withLastly and withDefers.
package app

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/lastly-go/lastly/examples/service/convert"
	"github.com/lastly-go/lastly/examples/service/store"
)

// RoleEnv names the environment variable that says what a process that was started from this program is to be.
// Unset, it is what its main says.
const (
	RoleEnv       = "LASTLY_EXAMPLE_ROLE"
	RoleService   = "service"
	RoleConverter = "converter"
)

// Files in the folder that is given by -dir.
const (
	DatabaseFile = "service.db"
	LogFile      = "service.log"
	AddressFile  = "service.addr"
	LockFile     = "service.lock"
	SocketFile   = "ops.sock" // short, because the path of a socket may have 107 bytes, on some systems 103
	UploadFolder = "uploads"
)

// options are the service's flags.
type options struct {
	dir       string
	addr      string
	wiring    string
	collector string
	endings   bool
	url       string // of the database, from the environment
}

// DatabaseEnv names the environment variable with the URL of a PostgreSQL database. Unset, the service keeps its rows in a
// SQLite file.
const DatabaseEnv = "DATABASE_URL"

// Wirings are the values of the flag -wiring.
const (
	Lastly = "lastly"
	Defers = "defers"
)

// IsRole reports whether this process was started to be the service or its child. A main that says yes must call Main
// and do nothing else.
func IsRole() bool { return os.Getenv(RoleEnv) != "" }

// Main is the service's main, and that of its child process. It never returns.
func Main() {
	role := os.Getenv(RoleEnv)
	// What this process starts in turn must not take the role for its own.
	os.Unsetenv(RoleEnv)
	if role == RoleConverter {
		convert.ServeStdio()
		os.Exit(0)
	}
	o, err := parse(os.Args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "service: %v\n", err)
		os.Exit(2)
	}
	switch o.wiring {
	case Lastly:
		withLastly(o)
	case Defers:
		withDefers(o)
	}
	os.Exit(0)
}

func parse(args []string) (options, error) {
	o := options{url: os.Getenv(DatabaseEnv)}
	flags := flag.NewFlagSet("service", flag.ExitOnError)
	flags.StringVar(&o.dir, "dir", "", "existing `folder` for the database, the uploads, the log, the lock, the address file and the operators' socket")
	flags.StringVar(&o.addr, "addr", "127.0.0.1:0", "TCP `address` to serve on; port 0 picks a free one")
	flags.StringVar(&o.wiring, "wiring", Lastly, "how the parts are put together: `lastly or defers`")
	flags.StringVar(&o.collector, "collector", "", "`URL` to post the last figures to")
	flags.BoolVar(&o.endings, "endings", false, "let POST /end/{return,error,panic,exit} end the service, for the demo")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q: everything is a flag, see -help", flags.Arg(0))
	case o.dir == "":
		return o, fmt.Errorf("-dir is missing: name an existing folder for the data, such as -dir /tmp")
	case o.wiring != Lastly && o.wiring != Defers:
		return o, fmt.Errorf("-wiring %q: choose %s or %s", o.wiring, Lastly, Defers)
	}
	return o, nil
}

// database says where the rows are.
func (o options) database() store.Source { return store.Source{URL: o.url, File: o.path(DatabaseFile)} }

func (o options) path(name string) string { return filepath.Join(o.dir, name) }
