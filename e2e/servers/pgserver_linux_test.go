package servers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/lastly-go/lastly/e2e/internal/real"
	"github.com/lastly-go/lastly/internal/testproc"
)

// A postgres is a private instance of PostgreSQL. It listens on a socket in its folder only.
type postgres struct {
	*daemon
	server     string // the program
	folder     string
	credential *syscall.Credential
}

// startPostgres needs no database of the system's, and leaves that alone. The server refuses to be root, so that another
// user has to be found then.
func startPostgres(t *testing.T) *postgres {
	t.Helper()
	initdb, err := filepath.EvalSymlinks(real.Need(t, "initdb", "postgresql"))
	if err != nil {
		t.Fatal(err)
	}
	server := filepath.Join(filepath.Dir(initdb), "postgres") // of the same version
	credential := unprivileged(t)
	folder := folderFor(t, credential)
	data := filepath.Join(folder, "data")
	initialise := exec.Command(initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	initialise.Dir, initialise.SysProcAttr = folder, &syscall.SysProcAttr{Credential: credential}
	if out, err := initialise.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	p := &postgres{server: server, folder: folder, credential: credential}
	p.start(t)
	return p
}

// start starts the server on what is in its folder.
func (p *postgres) start(t *testing.T) {
	t.Helper()
	// What a loss of power would take is not what is tested here: no fsync. At debug1 it tells of clients that leave without
	// a word.
	cmd := exec.Command(p.server, "-D", filepath.Join(p.folder, "data"), "-k", p.folder, "-c", "listen_addresses=", "-c", "fsync=off",
		"-c", "log_line_prefix=%m %a: ", "-c", "log_min_messages=debug1")
	cmd.Dir, cmd.SysProcAttr = p.folder, &syscall.SysProcAttr{Credential: p.credential}
	p.daemon = startDaemon(t, cmd, inOrder)
	p.ready(t, func() bool {
		conn, err := pgx.Connect(t.Context(), p.dsn("ready"))
		if err == nil {
			_ = conn.Close(t.Context())
		}
		return err == nil
	})
}

// inOrder makes the server cut its clients and end in order.
const inOrder = syscall.SIGINT

// unprivileged is nil where the tests are that already.
func unprivileged(t *testing.T) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		}
	}
	t.Fatal("these tests are root's, and neither the user postgres nor nobody exists: run them as somebody else")
	return nil
}

// folderFor is a temporary folder that belongs to the server's user, and that it can reach.
func folderFor(t *testing.T, c *syscall.Credential) string {
	t.Helper()
	folder := t.TempDir()
	if c == nil {
		return folder
	}
	if err := os.Chown(folder, int(c.Uid), int(c.Gid)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(folder), 0o711); err != nil { // t.TempDir made it for this user alone
		t.Fatal(err)
	}
	return folder
}

// dsn names the database for connections of the given application.
func (p *postgres) dsn(application string) string {
	return fmt.Sprintf("host=%s user=postgres dbname=postgres application_name=%s", p.folder, application)
}

// use gives f a connection for the test itself.
func (p *postgres) use(t *testing.T, f func(ctx context.Context, conn *pgx.Conn) error) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), p.dsn("test"))
	if err == nil {
		err = errors.Join(f(t.Context(), conn), conn.Close(t.Context()))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (p *postgres) exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	p.use(t, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, statement, args...)
		return err
	})
}

// find returns what a query finds in its only column.
func find[T any](t *testing.T, p *postgres, query string, args ...any) (found []T) {
	t.Helper()
	p.use(t, func(ctx context.Context, conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, query, args...)
		if err != nil {
			return err
		}
		found, err = pgx.CollectRows(rows, pgx.RowTo[T])
		return err
	})
	return found
}

// checkGone waits until no backend serves the application: they end as soon as they hear that it left.
func (p *postgres) checkGone(t *testing.T, application string) {
	t.Helper()
	testproc.Poll(t, "no connection of "+application+" in pg_stat_activity", func() bool {
		return len(find[int](t, p, `SELECT pid FROM pg_stat_activity WHERE application_name = $1`, application)) == 0
	})
}

// checkLeave checks that an application has gone, and not without a word: each of its connections was closed.
func (p *postgres) checkLeave(t *testing.T, application string) {
	t.Helper()
	p.checkGone(t, application)
	text, err := os.ReadFile(p.log)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, " "+application+": ") && (strings.Contains(line, "unexpected EOF") || strings.Contains(line, "could not")) {
			t.Errorf("PostgreSQL was left without a word: %s", line)
		}
	}
}
