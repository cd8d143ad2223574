package resource

import (
	"runtime"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/seam"
)

// callerSite is where the exported function that calls it was called: the place of registration that reports name.
func callerSite() uintptr {
	var pcs [1]uintptr
	runtime.Callers(3, pcs[:])
	return pcs[0]
}

// register is lastly's Register with the place of registration.
func register(s *lastly.Scope, h lastly.Hook, site uintptr) *lastly.Handle {
	return seam.OfLastly.RegisterAt(s, h, site).(*lastly.Handle)
}

// registerDurable is Kind.Register with the place of registration.
func registerDurable[P any](k *durable.Kind[P], s *lastly.Scope, payload P, h lastly.Hook, site uintptr) (*durable.Record[P], error) {
	record, err := seam.OfDurable.RegisterAt(k, s, payload, h, site)
	if err != nil {
		return nil, err
	}
	return record.(*durable.Record[P]), nil
}
