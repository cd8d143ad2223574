package ops

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/examples/service/internal/ownjournal"
	"github.com/lastly-go/lastly/web"
)

func TestMain(m *testing.M) { os.Exit(ownjournal.Main(m)) }

func TestThereIsSomebodyToAskWhileOthersEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sock")
	var scope lastly.Scope
	lastly.DeferIn(&scope, "store", func() {
		if code, plan := ask(t, path, "/plan"); code != http.StatusOK || !strings.Contains(plan, "running") {
			t.Errorf("the plan while a hook runs: %d %q, want 200 and one that is running", code, plan)
		}
		if code, answer := ask(t, path, "/ready"); code != http.StatusServiceUnavailable {
			t.Errorf("ready while a hook runs: %d %q, want 503", code, answer)
		}
	})
	if err := Register(&scope, path, web.Ready(&scope)); err != nil {
		t.Fatal(err)
	}
	// Not by luck: it waits for what was registered before it.
	if hooks := scope.Report().Hooks; !slices.Equal(hooks[1].WaitsFor, []int{hooks[0].ID}) {
		t.Errorf("ops waits for %v, want the store", hooks[1].WaitsFor)
	}
	if code, plan := ask(t, path, "/plan"); code != http.StatusOK || !strings.Contains(plan, "ops") {
		t.Errorf("the plan: %d %q, want 200 and the hook ops in it", code, plan)
	}
	if code, answer := ask(t, path, "/ready"); code != http.StatusOK {
		t.Errorf("ready: %d %q, want 200", code, answer)
	}
	if err := scope.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 0 {
		t.Errorf("left after the end: %v, %v", left, err)
	}
}

func TestSocketThatCanNotBe(t *testing.T) {
	var scope lastly.Scope
	path := filepath.Join(t.TempDir(), "missing", "sock")
	if err := Register(&scope, path, web.Ready(&scope)); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("Register: %v, want an error that names the path", err)
	}
	if err := scope.Close(); err != nil {
		t.Error(err)
	}
}

func ask(t *testing.T, socket, path string) (code int, answer string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	resp, err := client.Get("http://ops" + path)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp.StatusCode, string(text)
}
