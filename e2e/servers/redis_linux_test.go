package servers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/e2e/internal/real"
	"github.com/lastly-go/lastly/internal/testproc"
	"github.com/lastly-go/lastly/resource"
	"github.com/redis/go-redis/v9"
)

// startRedis starts a private instance, and returns the path of its socket and a client for the test itself.
func startRedis(t *testing.T) (socket string, rdb *redis.Client) {
	t.Helper()
	folder := t.TempDir()
	socket = filepath.Join(folder, "socket")
	d := startDaemon(t, exec.Command(real.Need(t, "redis-server", "redis-server"), "--port", "0", "--unixsocket", socket,
		"--dir", folder, "--save", "", "--appendonly", "no"), syscall.SIGTERM)
	rdb = connectRedis(socket, "test")
	t.Cleanup(func() { _ = rdb.Close() })
	d.ready(t, func() bool { return rdb.Ping(t.Context()).Err() == nil })
	return socket, rdb
}

func connectRedis(socket, name string) *redis.Client {
	return redis.NewClient(&redis.Options{Network: "unix", Addr: socket, ClientName: name})
}

func TestRedis(t *testing.T) {
	t.Parallel()
	socket, rdb := startRedis(t)
	t.Run("workers", func(t *testing.T) { redisWorkers(t, socket, rdb) })
	t.Run("a worker that blocks", func(t *testing.T) { redisBlocks(t, socket) })
	t.Run("a lock, killed", func(t *testing.T) { redisLockKilled(t, socket, rdb) })
}

var redisVictims = testproc.Victims{
	"redis workers": func(args []string) { program().Main(func(ctx context.Context) error { return push(ctx, args[0]) }) },
	"redis lock": func(args []string) {
		program().Main(func(ctx context.Context) error { return holdLease(ctx, args[0]) })
	},
}

// push writes numbers until it is ended.
func push(ctx context.Context, socket string) error {
	lastly.Register(lastly.Hook{Name: "log", Last: true, Run: func(context.Context) error { return nil }})
	rdb := connectRedis(socket, "workers")
	resource.Own(lastly.Process(), "redis", rdb)
	var last atomic.Int64
	for range 4 {
		lastly.Go("worker", func(ctx context.Context) error {
			for ctx.Err() == nil {
				id := last.Add(1)
				if err := rdb.RPush(context.WithoutCancel(ctx), "pushed", id).Err(); err != nil {
					return fmt.Errorf("push %d: %w", id, err)
				}
				testproc.Say("ack %d", id)
			}
			return nil
		})
	}
	<-ctx.Done()
	return nil
}

// redisWorkers also shows that of all methods of a redis client Own finds Close: the client has a Shutdown, too, which is
// a command that ends the server.
func redisWorkers(t *testing.T, socket string, rdb *redis.Client) {
	v := testproc.Start(t, "redis workers", socket)
	waitSaid(t, v, "ack", 200)
	v.Signal(syscall.SIGTERM)
	r := v.Wait()
	r.Check(t, "exit 0")
	r.CheckLines(t, "ended worker: ok", "began redis", "ended redis: ok", "began log", "ended log: ok", "note redis: Close")
	stored, err := rdb.LRange(t.Context(), "pushed", 0, -1).Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range said(r.Out, "ack") {
		if !slices.Contains(stored, id) {
			t.Errorf("%s was acknowledged, and is not there", id)
		}
	}
	testproc.Poll(t, "no client of the workers", func() bool {
		clients, err := rdb.ClientList(t.Context()).Result()
		return err == nil && !strings.Contains(clients, "name=workers")
	})
}

// redisBlocks has a worker in a blocking command, which does not heed its context: the client looks at deadlines, not at
// ends. The worker is given up and named, and then the close of the client, which comes after it, ends the command.
func redisBlocks(t *testing.T, socket string) {
	s := lastly.Scope{HookTimeout: 2 * time.Second} // also the close's
	rdb := connectRedis(socket, "blocks")
	resource.Own(&s, "redis", rdb)
	began, ended := make(chan bool), make(chan error, 1)
	s.Go(lastly.Hook{Name: "worker", Run: func(ctx context.Context) error {
		close(began)
		err := rdb.BLPop(ctx, 0, "nothing").Err()
		ended <- err
		return err
	}})
	<-began
	testproc.Poll(t, "the worker to block", func() bool { return rdb.PoolStats().TotalConns > 0 })
	err := s.Close()
	if hook, ok := errors.AsType[*lastly.HookError](err); !ok || hook.Name != "worker" {
		t.Errorf("error %v, want one of the worker", err)
	}
	if r := s.Report(); r.Hooks[0].Outcome != lastly.OutcomeOK || r.Hooks[1].Outcome != lastly.OutcomeAbandoned {
		t.Errorf("redis %q, worker %q; want ok, abandoned", r.Hooks[0].Outcome, r.Hooks[1].Outcome)
	}
	if err := <-ended; err == nil {
		t.Error("the command found something")
	}
}

// A lease is a lock in redis: a key with a token, which is used once.
type lease struct {
	Socket string `json:"socket"`
	Key    string `json:"key"`
	Token  string `json:"token"`
}

var leases = durable.Define("redis lease", freeLease)

// freeIfMine deletes the key only while it holds the token: by now it may be somebody else's.
const freeIfMine = `
	if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
	redis.call("SET", KEYS[1] .. ":freed by", ARGV[2])
	return redis.call("DEL", KEYS[1])`

func freeLease(ctx context.Context, l lease) error {
	rdb := connectRedis(l.Socket, "free")
	err := rdb.Eval(ctx, freeIfMine, []string{l.Key}, l.Token, os.Getpid()).Err()
	return errors.Join(err, rdb.Close())
}

func holdLease(ctx context.Context, socket string) error {
	l := lease{Socket: socket, Key: "lock", Token: durable.NewName("holder-")}
	if _, err := leases.Register(lastly.Process(), l, lastly.Hook{Name: "lease"}); err != nil {
		return err
	}
	rdb := connectRedis(socket, "holder")
	resource.Own(lastly.Process(), "redis", rdb, lastly.Nothing...)
	if err := rdb.SetArgs(ctx, l.Key, l.Token, redis.SetArgs{Mode: "NX", TTL: time.Hour}).Err(); err != nil {
		return fmt.Errorf("take the lock: %w", err)
	}
	testproc.Say("token %s", l.Token)
	<-ctx.Done()
	return nil
}

// redisLockKilled kills the holder of a lock that would be gone in an hour. The guard frees it.
func redisLockKilled(t *testing.T, socket string, rdb *redis.Client) {
	dir := t.TempDir()
	hold := func() *testproc.Proc {
		v := testproc.Spec{Victim: "redis lock", Args: []string{socket}, Env: []string{"LASTLY_DIR=" + dir}}.Start(t)
		waitSaid(t, v, "token", 1)
		return v
	}
	v := hold()
	killed := time.Now()
	v.Signal(syscall.SIGKILL)
	testproc.Poll(t, "the lock to be free", func() bool { return errors.Is(rdb.Get(t.Context(), "lock").Err(), redis.Nil) })
	t.Logf("free %v after SIGKILL", time.Since(killed))
	waitGuard(t, dir)
	by, err := rdb.Get(t.Context(), "lock:freed by").Int()
	if err != nil || by == v.Pid() || by == os.Getpid() {
		t.Errorf("freed by %d, %v; want the guard of %d", by, err, v.Pid())
	}

	next := hold()
	old := lease{Socket: socket, Key: "lock", Token: said(v.Output(), "token")[0]}
	if err := freeLease(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	if got, want := rdb.Get(t.Context(), "lock").Val(), said(next.Output(), "token")[0]; got != want {
		t.Errorf("after a late release of the killed holder's lock it bears %q, want %q", got, want)
	}
	next.Signal(syscall.SIGTERM)
	next.Wait().Check(t, "exit 0")
	if got := rdb.Get(t.Context(), "lock:freed by").Val(); got != strconv.Itoa(next.Pid()) {
		t.Errorf("freed by %s, want %d itself", got, next.Pid())
	}
}
