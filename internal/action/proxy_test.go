package action

import (
	"io"
	"log"
	"net/http/httptest"
	"testing"

	"github.com/lastly-go/lastly/internal/testproc"
)

// TestProxy: the environment's, which a process reads once, so that each case is a process.
func TestProxy(t *testing.T) {
	t.Parallel()
	proxy := receive(t, status)
	for _, c := range []struct {
		name, value, url, want string
	}{
		{"HTTP_PROXY", proxy.URL, "http://name.invalid/204", "<nil>"},
		{"HTTP_PROXY", proxy.URL, "http://name.invalid/403", "POST http://name.invalid/403: the answer was 403 Forbidden"},
		{"HTTP_PROXY", "http://user:" + secretWord + "@127.0.0.1:1/", "http://name.invalid/", "POST http://name.invalid/: proxyconnect tcp: dial tcp 127.0.0.1:1: connect: connection refused"},
		{"NO_PROXY", "*", "http://127.0.0.1:1/", "POST http://127.0.0.1:1/: dial tcp 127.0.0.1:1: connect: connection refused"},
	} {
		p := testproc.Spec{Victim: "proxied", Args: []string{c.url}, Env: []string{c.name + "=" + c.value, "REQUEST_METHOD="}}.Start(t)
		result := p.Wait()
		result.CheckLines(t, c.want)
		checkHidden(t, c.url, result.Out+result.Err)
	}
	if len(proxy.got) != 2 || proxy.got[0].URL.String() != "http://name.invalid/204" {
		t.Errorf("the proxy got %d requests", len(proxy.got))
	}
}

func TestUntrustedServer(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(nil)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	checkError(t, do(t, Request{Method: "POST", URL: server.URL}, "k"), "certificate")
}
