package matrix

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// atOnce is how many rows are run at a time: most of their time they wait.
const atOnce = 3

// Run dies all deaths. The error is about the matrix itself; what is not clean is in the result. When ctx ends, it returns
// soon, and leaves nothing behind.
func Run(ctx context.Context, o Options) (Result, error) {
	began := time.Now()
	chosen, err := o.choose()
	if err != nil {
		return Result{}, err
	}
	s, err := startServer()
	if err != nil {
		return Result{}, err
	}
	defer s.close()
	defer Unignore()()
	r := Result{Rows: make([]Row, len(chosen))}
	var mu sync.Mutex // so that Done is called by one at a time
	err = each(ctx, cmp.Or(o.Parallel, atOnce), len(chosen), func(i int) error {
		row, err := try(ctx, o, chosen[i], s)
		r.Rows[i] = row
		mu.Lock()
		defer mu.Unlock()
		if err == nil && o.Done != nil {
			o.Done(row)
		}
		return err
	})
	r.count()
	r.Took = time.Since(began)
	return r, err
}

// choose checks the names.
func (o Options) choose() ([]death, error) {
	for _, name := range o.Resources {
		if !slices.Contains(Resources(), name) {
			return nil, fmt.Errorf("matrix: %q is no resource; choose from %s", name, strings.Join(Resources(), ", "))
		}
	}
	all := deaths()
	if o.Deaths == nil {
		return all, nil
	}
	var chosen []death
	for _, name := range o.Deaths {
		i := slices.IndexFunc(all, func(d death) bool { return d.name == name })
		if i < 0 {
			return nil, fmt.Errorf("matrix: %q is no death; choose from %s", name, strings.Join(Deaths(), ", "))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// each calls f for 0 to n-1, some at a time. An error does not keep it from the others, the end of ctx does.
func each(ctx context.Context, atOnce, n int, f func(int) error) error {
	var wg sync.WaitGroup
	next, errs := make(chan int), make([]error, n+1)
	for range atOnce {
		wg.Go(func() {
			for i := range next {
				if ctx.Err() == nil { // what was sent at the last moment
					errs[i] = f(i)
				}
			}
		})
	}
	for i := 0; i < n && ctx.Err() == nil; i++ {
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	wg.Wait()
	errs[n] = context.Cause(ctx)
	return errors.Join(errs...)
}
