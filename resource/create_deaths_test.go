package resource_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/testproc"
	"github.com/lastly-go/lastly/resource"
)

var _ = addVictims(testproc.Victims{"create-dies": createDies, "create-main": createMain})

// TestCreateSteps makes each step fail: nothing is left, and the target is whole.
func TestCreateSteps(t *testing.T) {
	broken := errors.New("broken")
	for _, p := range createPoints {
		t.Run(p.name, func(t *testing.T) {
			var s lastly.Scope
			dir := t.TempDir()
			target := put(t, filepath.Join(dir, "target"), oldContent)
			failAt(t, "resource.create: "+p.name, broken)
			f, err := resource.Create(&s, target)
			if err == nil {
				_, err = f.WriteString(newContent)
				noError(t, err)
				err = f.Commit()
				noError(t, f.Close())
			}
			if p.name == "struck" { // all is done
				noError(t, err)
			} else {
				wantError(t, err, broken, target)
			}
			want := oldContent
			if p.renamed {
				want = newContent
			} else if f != nil {
				wantError(t, err, broken, "its old content is untouched")
			}
			wantNothing(t, &s)
			wantNames(t, dir, "target")
			wantContent(t, target, want)
		})
	}
}

// createPoints are where Create and Commit can die.
var createPoints = []struct {
	name    string
	renamed bool // the new content is in place
}{
	{"registered", false},
	{"opened", false},
	{"identified", false},
	{"chmod", false},
	{"written", false},
	{"synced", false},
	{"closed", false},
	{"renamed", true},
	{"folder synced", true},
	{"struck", true},
}

// createDies replaces a file and dies at a point of that.
func createDies(args []string) {
	var s lastly.Scope
	dieAt(args[1])
	f, err := resource.Create(&s, args[0])
	exitOn(err)
	_, err = f.WriteString(newContent[:10])
	exitOn(err)
	if args[1] == "half written" {
		die()
	}
	_, err = f.WriteString(newContent[10:])
	exitOn(err)
	exitOn(f.Commit())
	if args[1] == "committed" {
		die()
	}
	os.Exit(4)
}

// TestCreateDeaths kills it at every step: the target is the old or the new one, whole, and nothing else is left, by a guard
// or by the next start.
func TestCreateDeaths(t *testing.T) {
	t.Parallel()
	type death struct {
		at      string
		renamed bool
	}
	deaths := []death{{"half written", false}, {"committed", true}}
	for _, p := range createPoints {
		deaths = append(deaths, death{"resource.create: " + p.name, p.renamed})
	}
	for _, d := range deaths {
		for _, fresh := range []bool{true, false} {
			for _, guarded := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s, fresh %v, guard %v", d.at, fresh, guarded), func(t *testing.T) {
					t.Parallel()
					l := newFilesLab(t)
					target := filepath.Join(l.files, "target")
					if !fresh {
						put(t, target, oldContent)
					}
					l.start(guarded, "create-dies", target, d.at).Wait().Check(t, "signal killed")
					if d.at != "committed" && !strings.HasSuffix(d.at, ": struck") {
						l.settle(guarded)
					}
					testproc.Poll(t, "the end of the guard", func() bool { return !guarded || len(l.journals()) == 0 })
					if fresh && !d.renamed {
						l.wantNames()
						return
					}
					l.wantNames("target")
					want := oldContent
					if d.renamed {
						want = newContent
					}
					wantContent(t, target, want)
				})
			}
		}
	}
}

// createMain is a program that has a file half written when it is told to end, and dies of it if told so.
func createMain(args []string) {
	lastly.Main(func(ctx context.Context) error {
		f, err := resource.Create(lastly.Process(), args[0])
		if err != nil {
			return err
		}
		_, err = f.WriteString(newContent[:10])
		testproc.Say("half written")
		<-ctx.Done()
		return err
	})
}

// TestCreateMain has conformance 80a and 90 in it: nothing is left after a signal, nor by the next start after SIGKILL.
func TestCreateMain(t *testing.T) {
	t.Parallel()
	l := newFilesLab(t)
	target := put(t, filepath.Join(l.files, "target"), oldContent)
	for _, sig := range []os.Signal{os.Kill, os.Interrupt} {
		p := l.start(false, "create-main", target)
		p.WaitLine("half written")
		if n := len(namesIn(l.files)); n != 2 {
			t.Errorf("there are %d files, want the target and a temporary one", n)
		}
		p.Signal(sig)
		p.Wait().Check(t, "signal "+sig.String())
	}
	l.wantNames("target")
	wantContent(t, target, oldContent)
}

// TestCreateWithoutJournal: what can't be written down is not made.
func TestCreateWithoutJournal(t *testing.T) {
	t.Parallel()
	l := newFilesLab(t)
	noError(t, os.Chmod(l.journal, 0o777)) // others could write what is carried out in this user's name
	target := put(t, filepath.Join(l.files, "target"), oldContent)
	r := l.start(true, "create-dies", target, "").Wait()
	r.Check(t, "exit 3")
	r.CheckErr(t, target, durable.ErrFolder.Error(), l.journal)
	l.wantNames("target")
}
