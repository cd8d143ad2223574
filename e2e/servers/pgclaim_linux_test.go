package servers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/testproc"
)

// A claim says which row a worker has taken. By is used once, so that a release is about this claim and no later one.
type claim struct {
	DSN string `json:"dsn"`
	Job int    `json:"job"`
	By  string `json:"by"`
}

// claims is the program's own kind: nobody else knows how to give a job back.
var claims = durable.Define("job claim", releaseJob)

func releaseJob(ctx context.Context, c claim) error {
	conn, err := pgx.Connect(ctx, c.DSN)
	if err != nil {
		return fmt.Errorf("release job %d: %w", c.Job, err)
	}
	_, err = conn.Exec(ctx, `UPDATE jobs SET claimed_by = NULL, released_by = $3 WHERE id = $1 AND claimed_by = $2`, c.Job, c.By, os.Getpid())
	return errors.Join(err, conn.Close(ctx))
}

func claimJob(ctx context.Context, args []string) error {
	job, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	c := claim{DSN: args[0], Job: job, By: durable.NewName("worker-")}
	if _, err := claims.Register(lastly.Process(), c, lastly.Hook{Name: "claim"}); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, c.DSN)
	if err != nil {
		return err
	}
	done, err := conn.Exec(ctx, `UPDATE jobs SET claimed_by = $2 WHERE id = $1 AND claimed_by IS NULL`, c.Job, c.By)
	if err != nil || done.RowsAffected() != 1 {
		return fmt.Errorf("claim job %d: %d rows: %w", job, done.RowsAffected(), err)
	}
	testproc.Say("by %s", c.By)
	<-ctx.Done()
	return conn.Close(context.WithoutCancel(ctx))
}

// startClaim starts a program that claims the job, and waits until it has.
func startClaim(t *testing.T, p *postgres, job int, env ...string) (v *testproc.Proc, c claim) {
	dsn := p.dsn("claim_" + strconv.Itoa(job))
	v = testproc.Spec{Victim: "pg claim", Args: []string{dsn, strconv.Itoa(job)}, Env: env}.Start(t)
	waitSaid(t, v, "by", 1)
	c = claim{DSN: dsn, Job: job, By: said(v.Output(), "by")[0]}
	if got := claimedBy(t, p, job); got != c.By {
		t.Fatalf("job %d is claimed by %q, want %q", job, got, c.By)
	}
	return v, c
}

// claimedBy is "" for nobody.
func claimedBy(t *testing.T, p *postgres, job int) string {
	t.Helper()
	return find[string](t, p, `SELECT coalesce(claimed_by, '') FROM jobs WHERE id = $1`, job)[0]
}

func releasedBy(t *testing.T, p *postgres, job int) (pid int) {
	t.Helper()
	return find[int](t, p, `SELECT coalesce(released_by, 0) FROM jobs WHERE id = $1`, job)[0]
}

// pgClaimKilled is the promise for work queues: a worker that was killed gives its job back within moments, by the hand of
// another process of its program.
func pgClaimKilled(t *testing.T, p *postgres) {
	const job = 1
	p.exec(t, `INSERT INTO jobs (id) VALUES ($1)`, job)
	dir := t.TempDir()
	v, c := startClaim(t, p, job, "LASTLY_DIR="+dir)
	killed := time.Now()
	v.Signal(syscall.SIGKILL)
	testproc.Poll(t, "the job to be free again", func() bool { return claimedBy(t, p, job) == "" })
	t.Logf("free %v after SIGKILL", time.Since(killed))
	v.Wait().Check(t, "signal killed")
	waitGuard(t, dir)
	if by := releasedBy(t, p, job); by == v.Pid() || by == os.Getpid() || by == 0 {
		t.Errorf("released by process %d, want the guard of %d", by, v.Pid())
	}

	// At least once: a release that comes again, and late, is nothing to the next worker.
	next, n := startClaim(t, p, job, "LASTLY_DIR="+t.TempDir())
	for range 2 {
		if err := releaseJob(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if got := claimedBy(t, p, job); got != n.By {
		t.Errorf("claimed by %q after a late release of the killed worker's claim, want %q", got, n.By)
	}
	next.Signal(syscall.SIGTERM)
	next.Wait().Check(t, "exit 0")
}

// pgClaimNextStart has no guard: the next start of the program releases the job, before it does anything else.
func pgClaimNextStart(t *testing.T, p *postgres) {
	const job, other = 2, 3
	p.exec(t, `INSERT INTO jobs (id) VALUES ($1), ($2)`, job, other)
	env := []string{"LASTLY_DIR=" + t.TempDir(), "LASTLY_GUARD=off"}
	v, c := startClaim(t, p, job, env...)
	v.Signal(syscall.SIGKILL)
	v.Wait().Check(t, "signal killed")
	if got := claimedBy(t, p, job); got != c.By {
		t.Errorf("claimed by %q, want still %q: nobody is there to release it", got, c.By)
	}
	next, _ := startClaim(t, p, other, env...)
	if got := claimedBy(t, p, job); got != "" {
		t.Errorf("claimed by %q, want nobody: the program has started again", got)
	}
	if by := releasedBy(t, p, job); by != next.Pid() {
		t.Errorf("released by process %d, want the next start, %d", by, next.Pid())
	}
	next.Signal(syscall.SIGTERM)
	next.Wait().Check(t, "exit 0")
}

// pgClaimServerDown has a guard that can't reach the server. The next start, when the server is back, can.
func pgClaimServerDown(t *testing.T, p *postgres) {
	const job, other = 5, 6
	p.exec(t, `INSERT INTO jobs (id) VALUES ($1), ($2)`, job, other)
	dir := t.TempDir()
	v, c := startClaim(t, p, job, "LASTLY_DIR="+dir)
	p.end(t, inOrder)
	v.Signal(syscall.SIGKILL)
	v.Wait().Check(t, "signal killed")
	waitGuard(t, dir) // it gave up
	p.start(t)
	if got := claimedBy(t, p, job); got != c.By {
		t.Errorf("claimed by %q, want still %q: the server was not there for the guard", got, c.By)
	}
	next, _ := startClaim(t, p, other, "LASTLY_DIR="+dir)
	testproc.Poll(t, "the next start to release the job", func() bool { return claimedBy(t, p, job) == "" })
	if by := releasedBy(t, p, job); by != next.Pid() {
		t.Errorf("released by process %d, want the next start, %d", by, next.Pid())
	}
	next.Signal(syscall.SIGTERM)
	next.Wait().Check(t, "exit 0")
}

// pgClaimEnded releases the job in the process itself.
func pgClaimEnded(t *testing.T, p *postgres) {
	const job = 4
	p.exec(t, `INSERT INTO jobs (id) VALUES ($1)`, job)
	v, _ := startClaim(t, p, job, "LASTLY_DIR="+t.TempDir())
	v.Signal(syscall.SIGTERM)
	r := v.Wait()
	r.Check(t, "exit 0")
	r.CheckLines(t, "ended claim: ok")
	if got := claimedBy(t, p, job); got != "" {
		t.Errorf("claimed by %q, want nobody", got)
	}
	if by := releasedBy(t, p, job); by != v.Pid() {
		t.Errorf("released by process %d, want %d itself", by, v.Pid())
	}
	p.checkLeave(t, "claim_4")
}
