package main

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

// TestLoadCounts wants every request to be counted, and each as what became of it.
func TestLoadCounts(t *testing.T) {
	good := service(alwaysReady())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		number, err := strconv.Atoi(r.URL.Query().Get(nameParam))
		if err != nil {
			t.Error(err)
		}
		switch number % 10 {
		case 1:
			http.Error(w, "closing", http.StatusServiceUnavailable)
		case 2:
			panic(http.ErrAbortHandler)
		case 3:
			w.Header().Set(lossHeader, string(refused))
			http.Error(w, "the proxy met this", http.StatusBadGateway)
		case 4:
			_, _ = w.Write([]byte("something else"))
		case 5:
			w.Header().Set("Content-Length", "1000000")
			_, _ = w.Write([]byte("not all of it"))
		default:
			good.ServeHTTP(w, r)
		}
	}))
	defer server.Close()
	enough := make(chan struct{})
	close(enough)
	l := load{base: strings.TrimPrefix(server.URL, "http://"), requests: 200, rate: 10_000, clients: 7}
	got := l.run(t.Context(), enough)
	want := map[loss]int{turned: 20, cut: 40, refused: 20, other: 20}
	if got.sent != 200 || !maps.Equal(got.lost, want) {
		t.Errorf("got %+v, want 200 and %v", got, want)
	}
}

// TestLoadIsMixed wants both methods with all waits, and answers that tell requests apart.
func TestLoadIsMixed(t *testing.T) {
	l := load{base: "127.0.0.1:1"}
	kinds, answers := make(map[string]bool), make(map[string]bool)
	for n := range 40 {
		r, want, err := l.request(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		kinds[r.Method+r.URL.Query().Get(waitParam)] = true
		answers[want] = true
	}
	for _, want := range []string{"GET0ms", "POST0ms", "GET100ms", "POST100ms", "GET20ms", "POST5ms"} {
		if !kinds[want] {
			t.Errorf("no %s in %v", want, kinds)
		}
	}
	if len(answers) != 40 {
		t.Errorf("%d different answers, want 40", len(answers))
	}
}

func TestService(t *testing.T) {
	for _, tt := range []struct {
		method, to, body string
		status           int
		want             string
	}{
		{"GET", workPath + "?name=n&wait=1ms", "", 200, "n"},
		{"POST", workPath + "?name=n", "body", 200, "body"},
		{"GET", workPath + "?wait=long", "", 400, ""},
		{"GET", readyPath, "", 200, ""},
		{"GET", "/elsewhere", "", 404, ""},
	} {
		w := httptest.NewRecorder()
		service(alwaysReady()).ServeHTTP(w, httptest.NewRequest(tt.method, tt.to, strings.NewReader(tt.body)))
		if w.Code != tt.status || tt.status == 200 && w.Body.String() != tt.want {
			t.Errorf("%s %s: got %d %q, want %d %q", tt.method, tt.to, w.Code, w.Body.String(), tt.status, tt.want)
		}
	}
}
