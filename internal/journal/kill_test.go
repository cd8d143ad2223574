//go:build unix

package journal

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly/internal/testproc"
)

var victims = testproc.Victims{
	"writer":  writer,
	"limited": limited,
}

// die is how a victim says that it can't be one.
func die(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// writer has its journal in the folder that it is given. Several goroutines write and say what was acknowledged, until somebody
// kills it: "append ID token", "replace ID revision", "begin ID" before a strike and "strike ID" after it.
func writer(args []string) {
	j, err := Create(args[0], Owner{Program: "writer", Pid: os.Getpid()}, Options{})
	die(err)
	testproc.Say("ready")
	var group sync.WaitGroup
	for g := range 4 {
		group.Go(func() { writeForever(j, g) })
	}
	group.Wait()
}

func writeForever(j *Journal, g int) {
	var kept []Ref
	for n := 0; ; n++ {
		token := fmt.Sprintf("%d-%d", g, n)
		r := Record{Kind: "k", Name: token, Payload: payload(token, rand.IntN(20)*rand.IntN(100))}
		ref, err := j.Append(&r)
		die(err)
		testproc.Say("append %d %s", r.ID, token)
		for range rand.IntN(3) {
			r.Payload = payload(token, rand.IntN(2000))
			ref, err = j.Replace(ref, &r)
			die(err)
			testproc.Say("replace %d %d", r.ID, r.Revision)
		}
		kept = append(kept, ref)
		if len(kept) > 20 || rand.IntN(2) == 0 {
			i := rand.IntN(len(kept))
			ref, kept[i] = kept[i], kept[len(kept)-1]
			kept = kept[:len(kept)-1]
			testproc.Say("begin %d", ref.id)
			die(j.Strike(ref))
			testproc.Say("strike %d", ref.id)
		}
	}
}

// payload is made of its token, so that a mixture of two is seen.
func payload(token string, size int) []byte {
	return []byte(strings.Repeat(token+" ", size/len(token)+1))
}

// TestKilled kills writers at any moment. Everything that was acknowledged is there, and nothing that was struck comes back.
func TestKilled(t *testing.T) {
	t.Parallel()
	end := time.Now().Add(2500 * time.Millisecond)
	for round := 0; round < 40 && (round < 5 || time.Now().Before(end)); round++ {
		dir := t.TempDir()
		p := testproc.Start(t, "writer", dir)
		p.WaitLine("ready")
		testproc.Linger(time.Duration(rand.IntN(30_000)) * time.Microsecond)
		p.Signal(syscall.SIGKILL)
		r := p.Wait()
		r.Check(t, "signal killed")
		paths, err := filepath.Glob(filepath.Join(dir, "*"))
		fatal(t, err)
		if len(paths) != 1 || !strings.HasSuffix(paths[0], Suffix) {
			t.Fatalf("the folder has %q", paths)
		}
		_, read, err := Read(paths[0])
		fatal(t, err)
		j, c := mustOpen(t, paths[0])
		checkEqual(t, list(read), list(c))
		checkAcknowledged(t, r.Out, c)
		for _, e := range c.Entries {
			fatal(t, j.Strike(e.Ref))
		}
		if _, c = orphan(t, j); len(c.Entries) > 0 {
			t.Errorf("after all was struck: %s", list(c))
		}
		if t.Failed() {
			return
		}
	}
}

// acknowledged is what a writer said about one record.
type acknowledged struct {
	token         string
	revision      uint32
	begun, struck bool
}

func checkAcknowledged(t *testing.T, out string, c Content) {
	t.Helper()
	said := make(map[uint64]*acknowledged)
	for line := range strings.Lines(out) {
		words := strings.Fields(line)
		if !strings.HasSuffix(line, "\n") || len(words) < 2 {
			continue
		}
		id, err := strconv.ParseUint(words[1], 10, 64)
		fatal(t, err)
		switch words[0] {
		case "append":
			said[id] = &acknowledged{token: words[2], revision: 1}
		case "replace":
			revision, err := strconv.ParseUint(words[2], 10, 32)
			fatal(t, err)
			said[id].revision = uint32(revision)
		case "begin":
			said[id].begun = true
		case "strike":
			said[id].struck = true
		}
	}
	for _, e := range c.Entries {
		r := e.Record
		if s := said[r.ID]; s != nil {
			if s.struck || r.Revision < s.revision || r.Revision > s.revision+1 || r.Name != s.token {
				t.Errorf("found record %d, revision %d, name %q; its writer said %+v", r.ID, r.Revision, r.Name, s)
			}
			delete(said, r.ID)
		}
		if want := strings.Repeat(r.Name+" ", len(r.Payload)/(len(r.Name)+1)); string(r.Payload) != want {
			t.Errorf("record %d has a payload of another", r.ID)
		}
	}
	for id, s := range said {
		if !s.begun {
			t.Errorf("record %d is lost: its writer said %+v", id, s)
		}
	}
}
