package servers

import (
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/lastly-go/lastly/examples/service/app"
	"github.com/lastly-go/lastly/internal/testproc"
	"github.com/lastly-go/lastly/web"
)

// pgExample runs examples/service over PostgreSQL: DATABASE_URL is all that it takes. Every row that it acknowledged is there, and
// none of its connections.
func pgExample(t *testing.T, p *postgres) {
	const application = "example"
	dir, err := os.MkdirTemp("", "pg-") // not t.TempDir, whose names are too long for sockets
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	database := url.URL{
		Scheme: "postgres", User: url.User("postgres"), Path: "/postgres",
		RawQuery: url.Values{"host": {p.folder}, "application_name": {application}}.Encode(),
	}
	v := testproc.Spec{
		Victim: "pg example", Args: []string{dir},
		Env: []string{app.DatabaseEnv + "=" + database.String(), web.EnvDrainDelay + "=0", "TMPDIR=" + t.TempDir()},
	}.Start(t)
	waitSaid(t, v, "serving", 1)
	base := said(v.Output(), "serving")[0]
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	testproc.Poll(t, "the database to answer", func() bool {
		resp, err := client.Get(base + "/ready")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	var want []string
	for i := range 20 {
		want = append(want, "row "+strconv.Itoa(10+i))
		resp, err := client.Post(base+"/rows/"+strconv.Itoa(10+i), "text/plain", strings.NewReader(want[i]))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusCreated {
			t.Fatalf("a row: %s", resp.Status)
		}
	}
	v.Signal(syscall.SIGTERM)
	v.Wait().Check(t, "exit 0")
	p.checkLeave(t, application)
	if got := find[string](t, p, `SELECT text FROM rows ORDER BY id`); !slices.Equal(got, want) {
		t.Errorf("the rows are %q, want %q", got, want)
	}
	if _, err := os.Stat(filepath.Join(dir, app.DatabaseFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is a SQLite file as well: %v", err)
	}
}

// serveExample is the example's main. Its converter is this program again: see TestMain.
func serveExample(dir string) {
	must(os.Setenv(app.RoleEnv, app.RoleService))
	os.Args = []string{"service", "-dir", dir}
	app.Main()
}
