//go:build unix

package durable_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
)

// A socket has a name that others know, so it can't be NewName's. Such a path is removed only if it is what it was at
// Register or Update, and is left alone if a new instance has replaced it.
func ExampleRemove() {
	temp, done := temporary()
	defer done()
	var scope lastly.Scope
	path := filepath.Join(temp, "control.sock")

	rec, err := durable.Remove.Register(&scope, durable.Path{Path: path}, lastly.Hook{Name: "control socket"})
	if err != nil {
		log.Fatal(err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		log.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // or Close removes it
	if err := rec.Update(durable.Path{Path: path}); err != nil {
		log.Fatal(err)
	}
	l.Close()
	fmt.Println(scope.Close(), isGone(path))
	// Output: <nil> true
}

// A mark is known before the process is, so that it can be written down first. The number is for what a mark does not
// find: it says which process that is.
func ExampleKill() {
	var scope lastly.Scope
	mark := durable.NewMark()
	rec, err := durable.Kill.Register(&scope, durable.Process{Mark: mark}, lastly.Hook{Name: "sleeper"})
	if err != nil {
		log.Fatal(err)
	}
	cmd := exec.Command("sleep", "60")
	cmd.Env = durable.WithMark(os.Environ(), mark)
	if err := cmd.Start(); err != nil {
		log.Fatal(err)
	}
	if err := rec.Update(durable.Process{Mark: mark, Pid: cmd.Process.Pid}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(scope.Close())
	fmt.Println(cmd.Wait())
	// Output:
	// <nil>
	// signal: killed
}

// A command that succeeds also when there is nothing to undo, about something with a name that is used once.
func ExampleExec() {
	temp, done := temporary()
	defer done()
	var scope lastly.Scope
	link := filepath.Join(temp, durable.NewName("link-"))

	undo := durable.Command{Args: []string{"rm", "-f", "--", link}} // or docker rm -f, dropdb --if-exists ...
	if _, err := durable.Exec.Register(&scope, undo, lastly.Hook{Name: "link"}); err != nil {
		log.Fatal(err)
	}
	if err := os.Symlink("/", link); err != nil {
		log.Fatal(err)
	}
	fmt.Println(scope.Close(), isGone(link))
	// Output: <nil> true
}

// A service that knows the request already tells by its Idempotency-Key, which is the record's ID each time. The key of the
// signature is read when the request is sent; it is never on disk in the journal.
func ExampleHTTP() {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Method, r.URL.Path, len(r.Header.Get("X-Lastly-Signature")))
	}))
	defer server.Close()
	os.Setenv("EXAMPLE_KEY", "0123456789abcdef0123456789abcdef")
	defer os.Unsetenv("EXAMPLE_KEY")
	var scope lastly.Scope

	release := durable.Request{
		Method: "DELETE", URL: server.URL + "/leases/4711",
		Sign: &durable.Signature{Key: durable.Secret{Env: "EXAMPLE_KEY"}},
	}
	if _, err := durable.HTTP.Register(&scope, release, lastly.Hook{Name: "lease"}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(scope.Close())
	// Output:
	// DELETE /leases/4711 71
	// <nil>
}

// What a lock protects is registered after it, so that it is undone before the lock is free.
func ExampleLock() {
	temp, done := temporary()
	defer done()
	var scope lastly.Scope

	f, err := os.Create(filepath.Join(temp, "lock"))
	if err != nil {
		log.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		log.Fatal(err)
	}
	if _, err := durable.Lock.Register(&scope, durable.LockedFile{File: f}, lastly.Hook{Name: "lock"}); err != nil {
		log.Fatal(err)
	}
	data := filepath.Join(temp, durable.NewName("data-"))
	if _, err := durable.Remove.Register(&scope, durable.Path{Path: data}, lastly.Hook{Name: "data", Uses: []string{"lock"}}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(scope.Close())
	// Output: <nil>
}

// signedBy is the receiver's side of a signature.
func signedBy(key []byte, r *http.Request, body []byte) bool {
	mac := hmac.New(sha256.New, key)
	for _, line := range []string{r.Method, r.RequestURI, r.Header.Get("Idempotency-Key"), r.Header.Get("X-Lastly-Time")} {
		io.WriteString(mac, line+"\n")
	}
	mac.Write(body)
	want := "sha256=" + hex.EncodeToString(mac.Sum(nil))
	return hmac.Equal([]byte(want), []byte(r.Header.Get("X-Lastly-Signature")))
}

// A receiver checks the signature: over the method, the path and query, the idempotency key, the time, and the body.
func ExampleSignature() {
	key := []byte("0123456789abcdef0123456789abcdef")
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Println(signedBy(key, r, body), signedBy(key, r, append(body, '!')))
	}))
	defer server.Close()
	os.Setenv("EXAMPLE_KEY", string(key))
	defer os.Unsetenv("EXAMPLE_KEY")
	var scope lastly.Scope

	release := durable.Request{
		Method: "POST", URL: server.URL + "/seats/release?hall=2", Body: []byte(`{"seat":7}`),
		Sign: &durable.Signature{Key: durable.Secret{Env: "EXAMPLE_KEY"}},
	}
	rec, err := durable.HTTP.Register(&scope, release, lastly.Hook{Name: "seat"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(rec.Run(context.Background()))
	// Output:
	// true false
	// <nil>
}
