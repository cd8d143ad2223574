package servers

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver of database/sql
	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/testproc"
	"github.com/lastly-go/lastly/resource"
)

const pgSchema = `
	CREATE TABLE orders (id int PRIMARY KEY);
	CREATE TABLE lines (order_id int, item int);
	CREATE TABLE jobs (id int PRIMARY KEY, claimed_by text, released_by int)`

func TestPostgres(t *testing.T) {
	t.Parallel()
	p := startPostgres(t)
	p.exec(t, pgSchema)
	t.Run("pgx pool, workers finish", func(t *testing.T) {
		r := pgWorkers(t, p, "pool", "finish", syscall.SIGTERM)
		r.Check(t, "exit 0")
		r.CheckLines(t, "ended worker: ok", "began db", "ended db: ok", "began log/file", "ended log/file: ok")
	})
	t.Run("pgx pool, workers are cut", func(t *testing.T) {
		r := pgWorkers(t, p, "pool", "cut", syscall.SIGTERM)
		r.Check(t, "exit 0")
		r.CheckLines(t, "ended worker: ok", "began db", "ended db: ok", "began log/file", "ended log/file: ok")
	})
	t.Run("database sql, workers finish", func(t *testing.T) {
		r := pgWorkers(t, p, "sql", "finish", syscall.SIGTERM)
		r.Check(t, "exit 0")
		r.CheckLines(t, "ended worker: ok", "began db", "ended db: ok", "began log/file", "ended log/file: ok")
	})
	t.Run("pgx pool, killed", func(t *testing.T) { pgWorkers(t, p, "pool", "finish", syscall.SIGKILL).Check(t, "signal killed") })
	t.Run("served", func(t *testing.T) { pgServed(t, p) })
	t.Run("the example service", func(t *testing.T) { pgExample(t, p) })
	t.Run("a leaked connection", func(t *testing.T) { pgLeak(t, p) })
	t.Run("a claim, killed", func(t *testing.T) { pgClaimKilled(t, p) })
	t.Run("a claim, killed without a guard", func(t *testing.T) { pgClaimNextStart(t, p) })
	t.Run("a claim, ended", func(t *testing.T) { pgClaimEnded(t, p) })
	t.Run("a claim, killed with the server", func(t *testing.T) { pgClaimServerDown(t, p) }) // the last: it restarts the server
}

var pgVictims = testproc.Victims{
	"pg workers": func(args []string) { program().Main(func(ctx context.Context) error { return workOn(ctx, args) }) },
	"pg served":  func(args []string) { program().Main(func(ctx context.Context) error { return serveOrders(ctx, args) }) },
	"pg example": func(args []string) { serveExample(args[0]) },
	"pg claim":   func(args []string) { program().Main(func(ctx context.Context) error { return claimJob(ctx, args) }) },
}

// pgWorkers ends a program whose workers write orders, and checks what is in the database then: whole orders, all that
// were acknowledged among them, and no connection of the program.
func pgWorkers(t *testing.T, p *postgres, library, way string, end syscall.Signal) testproc.Result {
	application := library + "_" + way + "_" + strconv.Itoa(int(end))
	p.exec(t, `TRUNCATE orders, lines`)
	v := testproc.Spec{Victim: "pg workers", Args: []string{p.dsn(application), library, way}}.Start(t)
	waitSaid(t, v, "ack", 100)
	v.Signal(end)
	r := v.Wait()
	p.checkGone(t, application)
	if end == syscall.SIGTERM && way == "finish" { // where a context ends amid a query, pgx itself cuts the connection
		p.checkLeave(t, application)
	}
	acknowledged := saidNumbers(t, r.Out, "ack")
	stored := find[int](t, p, `SELECT id FROM orders`)
	slices.Sort(stored)
	for _, id := range acknowledged {
		if _, found := slices.BinarySearch(stored, id); !found {
			t.Errorf("order %d was acknowledged, and is not there", id)
		}
	}
	if half := find[int](t, p, `SELECT id FROM orders WHERE (SELECT count(*) FROM lines WHERE order_id = id) <> 2`); len(half) > 0 {
		t.Errorf("orders without their two lines: %v", half)
	}
	t.Logf("%d orders acknowledged, %d stored", len(acknowledged), len(stored))
	return r
}

// workOn writes orders until it is ended. Its workers use the database, and all of it the log.
func workOn(ctx context.Context, args []string) error {
	dsn, library, way := args[0], args[1], args[2]
	log, err := os.Create("log")
	if err != nil {
		return err
	}
	resource.Own(lastly.Process().Child(lastly.Hook{Name: "log", Last: true}), "file", log)
	write, err := openDatabase(ctx, dsn, library)
	if err != nil {
		return err
	}
	var last atomic.Int64
	for range 4 {
		lastly.Go("worker", func(ctx context.Context) error {
			for ctx.Err() == nil {
				id, work := last.Add(1), ctx
				if way == "finish" {
					work = context.WithoutCancel(ctx)
				}
				if err := write(work, id); err != nil {
					return err
				}
				testproc.Say("ack %d", id)
			}
			return nil
		})
	}
	<-ctx.Done()
	return nil
}

// openDatabase returns what writes an order in a transaction: it, and its two lines.
func openDatabase(ctx context.Context, dsn, library string) (write func(context.Context, int64) error, err error) {
	if library == "sql" {
		db, err := sql.Open("pgx", dsn)
		if err != nil {
			return nil, err
		}
		resource.Own(lastly.Process(), "db", db)
		return func(ctx context.Context, id int64) error { return writeSQL(ctx, db, id) }, nil
	}
	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		return nil, err
	}
	resource.Own(lastly.Process(), "db", pool)
	return func(ctx context.Context, id int64) error { return writePool(ctx, pool, id) }, nil
}

const (
	insertOrder = `INSERT INTO orders (id) VALUES ($1)`
	insertLine  = `INSERT INTO lines (order_id, item) SELECT $1, $2 FROM pg_sleep(0.002)` // long enough to be met by a signal
)

func writePool(ctx context.Context, pool *pgxpool.Pool, id int64) error {
	tx, err := pool.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // after Commit it does nothing
	if _, err := tx.Exec(ctx, insertOrder, id); err != nil {
		return err
	}
	for item := range 2 {
		if _, err := tx.Exec(ctx, insertLine, id, item); err != nil {
			return err
		}
	}
	return tx.Commit(ctx)
}

func writeSQL(ctx context.Context, db *sql.DB, id int64) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if _, err := tx.ExecContext(ctx, insertOrder, id); err != nil {
		return err
	}
	for item := range 2 {
		if _, err := tx.ExecContext(ctx, insertLine, id, item); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// pgLeak closes a pool of which somebody keeps a connection: pgx waits for it for ever, and the exit does not.
func pgLeak(t *testing.T, p *postgres) {
	var s lastly.Scope
	s.HookTimeout = 200 * time.Millisecond
	pool, err := pgxpool.New(t.Context(), p.dsn("leak"))
	if err != nil {
		t.Fatal(err)
	}
	logged := false
	s.Register(lastly.Hook{Name: "log", Last: true, Run: func(context.Context) error { logged = true; return nil }})
	resource.Own(&s, "db", pool)
	conn, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = s.Close()
	timeout, ok := errors.AsType[*lastly.TimeoutError](err)
	hook, isHook := errors.AsType[*lastly.HookError](err)
	if !ok || !isHook || hook.Name != "db" || len(timeout.Stack) == 0 || !logged {
		t.Errorf("error %v, log closed: %v; want a timeout of db with a stack, and the log closed all the same", err, logged)
	}
	conn.Release()
	p.checkLeave(t, "leak")
}
