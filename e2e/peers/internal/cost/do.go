package cost

import (
	"context"
	"strconv"

	"github.com/samber/do/v2"
)

// Do is a provided value per hook. The values don't depend on each other: that
// is do's best case. In a chain, which would be last in, first out, each
// shutdown looks at all that are left, 1 ms at 3000 and an hour at 1e5.
var Do = Subject{
	Name: "samber/do v2",
	New:  newInjector,
}

type injector struct {
	root  *do.RootScope
	names []string
}

type service struct{}

func (*service) Shutdown(context.Context) error {
	hook()
	return nil
}

func newInjector(n int) Registry {
	return &injector{root: do.New(), names: names(n)}
}

func (j *injector) Register(i int) {
	do.ProvideNamedValue(j.root, j.names[i], &service{})
}

func (j *injector) Run() { j.root.Shutdown() }

// names returns the names of n hooks.
func names(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = "hook " + strconv.Itoa(i)
	}
	return list
}
