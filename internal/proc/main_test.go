package proc

import (
	"os"
	"testing"
	"time"

	"github.com/lastly-go/lastly/internal/testproc"
)

func TestMain(m *testing.M) { os.Exit(testproc.Main(m, victims, linuxVictims, chainVictims)) }

var victims = testproc.Victims{
	"hang": func([]string) {
		testproc.Say("hangs")
		<-time.After(time.Hour)
	},
}

// of is Of for what lives.
func of(t *testing.T, pid int) ID {
	t.Helper()
	id, err := Of(pid)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func hold(t *testing.T, id ID) *Process {
	t.Helper()
	p, err := Open(id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}
