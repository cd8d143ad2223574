package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/testproc"
)

func TestMain(m *testing.M) {
	durable.Init() // a guard of this test binary settles its seats here, and ends
	os.Exit(testproc.Main(m, testproc.Victims{"booking": func([]string) { main() }}))
}

// book starts the program, and waits until it holds the seat.
func book(t *testing.T, db, seat string) *testproc.Proc {
	t.Helper()
	p := testproc.Spec{
		Victim: "booking", Args: []string{"-table", db, "-seat", seat},
		Env: []string{"LASTLY_GUARD=", "LASTLY_DIR=" + filepath.Join(filepath.Dir(db), "lastly")},
	}.Start(t)
	testproc.Poll(t, "the seat is held", func() bool { return strings.Contains(p.Output(), " holds seat "+seat) || p.Gone() })
	return p
}

// held is who holds what.
func held(t *testing.T, db string) string {
	t.Helper()
	table, err := open(db)
	if err != nil {
		t.Fatal(err)
	}
	defer table.close()
	var text bytes.Buffer
	if err := table.print(t.Context(), &text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func TestKillMinus9(t *testing.T) {
	if runtime.GOOS != "linux" {
		testproc.Skip(t, "guards are Linux's", "booking")
	}
	db := filepath.Join(t.TempDir(), "seats.db")
	killed, other := book(t, db, "7"), book(t, db, "8")
	if text := held(t, db); !strings.Contains(text, "seat 7 is held by") || !strings.Contains(text, "seat 8 is held by") {
		t.Fatalf("held are:\n%s%s%s", text, killed.Errors(), other.Errors())
	}
	killed.Signal(os.Kill)
	killed.Wait().Check(t, "signal killed")
	testproc.Poll(t, "the guard has released the seat", func() bool { return !strings.Contains(held(t, db), "seat 7 ") })
	if !strings.Contains(held(t, db), "seat 8 is held by") {
		t.Error("the guard has released somebody else's seat")
	}
	other.Signal(os.Interrupt)
	other.Wait().Check(t, "signal interrupt")
	testproc.Poll(t, "both journals are gone", func() bool {
		left, err := filepath.Glob(filepath.Join(filepath.Dir(db), "lastly", "*.*"))
		return err == nil && len(left) == 0
	})
	if text := held(t, db); text != "" {
		t.Errorf("at the end are held:\n%s", text)
	}
}

// TestReleaseTwice: a second attempt must not take the seat from its next holder.
func TestReleaseTwice(t *testing.T) {
	table, err := open(filepath.Join(t.TempDir(), "seats.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer table.close()
	for _, holder := range []string{"first", "next"} {
		if ok, err := table.book(t.Context(), 7, holder); !ok || err != nil {
			t.Fatalf("%s could not book: %v", holder, err)
		}
		for range 2 {
			if err := table.release(t.Context(), 7, "first"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if ok, err := table.book(t.Context(), 7, "third"); ok || err != nil {
		t.Errorf("the next holder's seat was released: %v", err)
	}
}
