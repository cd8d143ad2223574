package logfile

import "github.com/lastly-go/lastly"

// Register opens the log file at path and registers its closing on scope as the hook "log".
func Register(scope *lastly.Scope, path string) (*Log, error) {
	l, err := Open(path)
	if err != nil {
		return nil, err
	}
	scope.Register(lastly.Hook{
		Name: "log",
		Run:  lastly.Func(l.Close),
		// Everybody logs while it ends, and nobody should have to say so by naming the log.
		Last: true,
	})
	return l, nil
}
