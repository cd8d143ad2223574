// Package api is the service's HTTP server.
//
//	POST /rows/{id}    stores the body as a row; 201 once it is committed
//	POST /images/{id}  takes a PNG image, keeps it, stores a row about it, answers 201 and its thumbnail in JPEG
//
// Whoever puts the service together adds more by Handle: live feeds, probes.
//
// Every request that reaches a handler is first answered with the interim status 102 (Processing), so that a client knows
// where it stands when the connection breaks: before 102 the service had not taken the request on, after it, it had.
package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"
)

const (
	maxText  = 64 << 10 // bytes of a row
	maxImage = 16 << 20 // bytes of an uploaded image
)

// Backend is what the handlers need: functions, so that this package need not know who provides them.
type Backend struct {
	Add     func(ctx context.Context, id, text string) error        // returns nil once the row is committed
	Save    func(name string, r io.Reader) (path string, err error) // keeps an upload, all of it or nothing
	Temp    func() (path string, err error)                         // makes a temporary file
	Convert func(ctx context.Context, pngIn, jpegOut string) error  // makes a thumbnail
	Count   func()                                                  // counts one request
	Log     *slog.Logger
}

// Server serves one Backend.
type Server struct {
	backend Backend
	mux     *http.ServeMux
	http    http.Server
	failed  chan error
}

// New returns a server that does not listen yet.
func New(b Backend) *Server {
	s := &Server{backend: b, mux: http.NewServeMux(), failed: make(chan error, 1)}
	s.http.Handler = s.mux
	s.http.ReadHeaderTimeout = 5 * time.Second
	s.http.ErrorLog = slog.NewLogLogger(b.Log.Handler(), slog.LevelWarn)
	s.mux.HandleFunc("POST /rows/{id}", s.counted(s.postRow))
	s.mux.HandleFunc("POST /images/{id}", s.counted(s.postImage))
	return s
}

// Handle adds a handler, before Start.
func (s *Server) Handle(pattern string, h http.Handler) { s.mux.Handle(pattern, h) }

// Start begins to serve the connections of ln. Shutdown ends what it starts. (Register needs neither.)
func (s *Server) Start(ln net.Listener) {
	go func() {
		defer close(s.failed)
		if err := s.http.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("api: serve: %w", err)
		}
	}()
}

// Failed delivers the error that ended the server, and is closed when the server has ended.
func (s *Server) Failed() <-chan error { return s.failed }

// OnShutdown has f called when Shutdown begins; nobody waits for it.
func (s *Server) OnShutdown(f func()) { s.http.RegisterOnShutdown(f) }

// Shutdown accepts nothing new and returns when all requests are answered. When ctx ends first it cuts them off, and
// says so by an error.
func (s *Server) Shutdown(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		return fmt.Errorf("api: requests cut off: %w", errors.Join(err, s.http.Close()))
	}
	return nil
}

// counted is h, announced by 102 and counted.
func (s *Server) counted(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.backend.Count()
		w.WriteHeader(http.StatusProcessing)
		h(w, r)
	}
}

func (s *Server) postRow(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxText))
	if err != nil {
		s.fail(w, r, http.StatusBadRequest, err)
		return
	}
	if err := s.backend.Add(r.Context(), r.PathValue("id"), string(text)); err != nil {
		s.fail(w, r, http.StatusInternalServerError, err)
		return
	}
	s.backend.Log.Info("row stored", "id", r.PathValue("id"))
	w.WriteHeader(http.StatusCreated)
}

func (s *Server) postImage(w http.ResponseWriter, r *http.Request) {
	in, err := s.backend.Save(r.PathValue("id")+".png", http.MaxBytesReader(w, r.Body, maxImage))
	if err != nil {
		s.fail(w, r, http.StatusBadRequest, err)
		return
	}
	thumb, err := s.thumbnail(r.Context(), in)
	if err != nil {
		s.fail(w, r, http.StatusInternalServerError, err)
		return
	}
	text := fmt.Sprintf("thumbnail of %d bytes", len(thumb))
	if err := s.backend.Add(r.Context(), r.PathValue("id"), text); err != nil {
		s.fail(w, r, http.StatusInternalServerError, err)
		return
	}
	s.backend.Log.Info("image converted", "id", r.PathValue("id"))
	w.Header().Set("Content-Type", "image/jpeg")
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write(thumb) // the client is gone: nobody is left to tell
}

// thumbnail is what the converter makes of the image at path.
func (s *Server) thumbnail(ctx context.Context, path string) ([]byte, error) {
	out, err := s.backend.Temp()
	if err != nil {
		return nil, err
	}
	defer os.Remove(out)
	if err := s.backend.Convert(ctx, path, out); err != nil {
		return nil, err
	}
	return os.ReadFile(out)
}

func (s *Server) fail(w http.ResponseWriter, r *http.Request, status int, err error) {
	s.backend.Log.Error("request failed", "path", r.URL.Path, "err", err)
	http.Error(w, err.Error(), status)
}
