package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// A load is requests at a constant rate.
type load struct {
	base     string // the address to send them to
	requests int    // at least
	rate     int    // per second
	clients  int    // that send one at a time
	fresh    bool   // every client makes a connection for every request
}

// freshOne: one in so many clients makes a connection for every request, as short programs do; the others keep theirs.
const freshOne = 4

// requestLimit is how long a client waits for its answer. It is no measure: nothing should come near it.
const requestLimit = 30 * time.Second

// A tally is what became of the requests.
type tally struct {
	sent int
	lost map[loss]int
}

func (t *tally) add(u tally) {
	t.sent += u.sent
	for what, n := range u.lost {
		t.lost[what] += n
	}
}

// run sends requests until there were enough and the channel is closed, or the context ends. Each client has every
// clients-th moment; one that is late does not leave out any.
func (l load) run(ctx context.Context, enough <-chan struct{}) tally {
	kept, fresh := newOnce(l.clients), newFresh()
	defer kept.CloseIdleConnections()

	all := tally{lost: make(map[loss]int)}
	var mu sync.Mutex // guards all
	var wg sync.WaitGroup
	begin := time.Now()
	for k := range l.clients {
		transport := kept
		if l.fresh || k%freshOne == 0 {
			transport = fresh
		}
		wg.Go(func() { // ends when there was enough
			mine := tally{lost: make(map[loss]int)}
			for n := k; l.goesOn(ctx, begin, n, enough); n += l.clients {
				mine.sent++
				if what, is := l.ask(ctx, transport, n); is {
					mine.lost[what]++
				}
			}
			mu.Lock()
			defer mu.Unlock()
			all.add(mine)
		})
	}
	wg.Wait()
	return all
}

// goesOn waits for the moment of the request with this number. It returns false if there shall not be one.
func (l load) goesOn(ctx context.Context, begin time.Time, number int, enough <-chan struct{}) bool {
	timer := time.NewTimer(time.Until(begin.Add(time.Second * time.Duration(number) / time.Duration(l.rate))))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	}
	if number < l.requests {
		return true
	}
	select {
	case <-enough:
		return false
	default:
		return true
	}
}

// waits are how long requests take, in milliseconds: short ones, and a tail.
func waits() []int { return []int{0, 10, 0, 50, 1, 5, 0, 20, 2, 100} }

// ask sends the request with this number, once, and tells how it failed if it did.
func (l load) ask(ctx context.Context, transport once, number int) (loss, bool) {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	r, want, err := l.request(ctx, number)
	if err != nil {
		return other, true
	}
	answer, err := transport.RoundTrip(r)
	if err != nil {
		return lossOf(err), true
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return lossOf(err), true
	}
	return lossIn(answer, string(body), want)
}

// request makes a GET or a POST, and what is to be its answer.
func (l load) request(ctx context.Context, number int) (r *http.Request, want string, err error) {
	values := url.Values{
		nameParam: {strconv.Itoa(number)},
		waitParam: {fmt.Sprintf("%dms", waits()[number/2%len(waits())])},
	}
	to := url.URL{Scheme: "http", Host: l.base, Path: workPath, RawQuery: values.Encode()}
	if number%2 == 0 {
		r, err = http.NewRequestWithContext(ctx, http.MethodGet, to.String(), http.NoBody)
		return r, strconv.Itoa(number), err
	}
	body := bytes.Repeat(fmt.Appendf(nil, "%08d", number), 128)
	r, err = http.NewRequestWithContext(ctx, http.MethodPost, to.String(), bytes.NewReader(body))
	return r, string(body), err
}
