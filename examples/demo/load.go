package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"time"
)

const (
	rowClients   = 8 // concurrent clients that post rows
	imageClients = 3 // and images; with these there are always some in flight

	requestLimit = 30 * time.Second
)

// warmth is how far the load must have come before the service is ended: answered, and accepted but unanswered.
type warmth struct{ rows, images, inFlight int }

// load is concurrent requests on one service, from clients that each send their next one when the last was answered.
type load struct {
	url    string
	image  []byte
	client http.Client
	wg     sync.WaitGroup

	mu    sync.Mutex // guards tally
	tally tally
}

// tally is what became of the requests.
type tally struct {
	accepted int      // requests that reached a handler of the service, which says so by the interim answer 102
	inFlight int      // of these, now without an answer
	images   int      // of these, images that were answered
	lost     int      // of these, those that ended otherwise than in a whole answer with a status of 2xx
	acked    []string // the ids of the rows in these answers: the service has promised to have them

	refused time.Time // when the service first did not accept a request
}

// startLoad starts the clients. They stop at the first request that the service doesn't accept; wait for them then.
func startLoad(ctx context.Context, url string) (*load, error) {
	image, err := picture()
	if err != nil {
		return nil, err
	}
	l := &load{url: url, image: image, client: http.Client{
		Timeout:   requestLimit,
		Transport: &http.Transport{MaxIdleConnsPerHost: rowClients + imageClients},
	}}
	for i := range rowClients {
		l.wg.Go(func() { l.run(ctx, "rows", fmt.Sprintf("row-%d", i)) })
	}
	for i := range imageClients {
		l.wg.Go(func() { l.run(ctx, "images", fmt.Sprintf("image-%d", i)) })
	}
	return l, nil
}

// run is one client.
func (l *load) run(ctx context.Context, kind, prefix string) {
	for n := 0; ; n++ {
		if !l.send(ctx, kind, fmt.Sprintf("%s-%05d", prefix, n)) {
			return
		}
	}
}

// send sends one request and reports whether the service accepted it.
func (l *load) send(ctx context.Context, kind, id string) bool {
	// Both are guarded by l.mu: the trace is called by another goroutine, and may be late.
	var accepted, over bool
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
		l.count(func(t *tally) {
			if code == http.StatusProcessing && !accepted && !over {
				accepted = true
				t.accepted++
				t.inFlight++
			}
		})
		return nil
	}}
	ok := l.post(httptrace.WithClientTrace(ctx, trace), kind, id)
	l.count(func(t *tally) {
		over = true
		if !accepted {
			if t.refused.IsZero() {
				t.refused = time.Now()
			}
			return
		}
		t.inFlight--
		if !ok {
			t.lost++
			return
		}
		t.acked = append(t.acked, id)
		if kind == "images" {
			t.images++
		}
	})
	return accepted
}

// post reports whether the request got a whole answer with a status of 2xx.
func (l *load) post(ctx context.Context, kind, id string) bool {
	var body io.Reader = strings.NewReader("the text of " + id)
	if kind == "images" {
		body = bytes.NewReader(l.image)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.url+"/"+kind+"/"+id, body)
	if err != nil {
		return false
	}
	resp, err := l.client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err == nil && resp.StatusCode/100 == 2
}

func (l *load) count(f func(*tally)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(&l.tally)
}

// now returns the counts so far, without the ids.
func (l *load) now() tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tally
	t.acked = nil
	return t
}

// warm reports whether the load has come as far as w.
func (l *load) warm(w warmth) bool {
	t := l.now()
	return t.accepted-t.inFlight-t.images >= w.rows && t.images >= w.images && t.inFlight >= w.inFlight
}

// wait returns the final counts once every client has stopped.
func (l *load) wait() tally {
	l.wg.Wait()
	l.client.CloseIdleConnections()
	return l.tally
}

// picture is a PNG image that takes the converter a moment.
func picture() ([]byte, error) {
	img := image.NewRGBA(image.Rect(0, 0, 640, 480))
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			img.Set(x, y, color.RGBA{R: uint8(x * y), G: uint8(x + y), B: uint8(x ^ y), A: 255})
		}
	}
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		return nil, fmt.Errorf("make an image to upload: %w", err)
	}
	return buf.Bytes(), nil
}
