package pathid

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestExisting(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	file, tree, linked, dangling := filepath.Join(dir, "file"), filepath.Join(dir, "tree"), filepath.Join(dir, "link"), filepath.Join(dir, "dangling")
	victim := filepath.Join(dir, "victim")
	write(t, file)
	write(t, filepath.Join(victim, "file"))
	for _, name := range []string{"a", "b/c", "b/d/e/f", "b/.hidden", "..g", "h..", "...i/j"} {
		write(t, filepath.Join(tree, name))
	}
	must(t, os.MkdirAll(filepath.Join(tree, "empty", "empty"), 0o755))
	link(t, victim, filepath.Join(tree, "link"))
	link(t, victim, linked)
	link(t, filepath.Join(dir, "nothing"), dangling)
	for _, path := range []string{file, tree, linked, dangling} {
		id := captured(t, path)
		if !id.Exists() || id.Kind != Existing || id.Path() != path {
			t.Errorf("%s: %+v", path, id)
		}
		removes(t, id, nil)
		isGone(t, path)
		removes(t, id, nil) // it is gone, and its folder says so
	}
	stays(t, filepath.Join(victim, "file"))
}

// TestReplaced replaces what was captured by something that has the same name.
func TestReplaced(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	for _, base := range []string{"own", NewName("")} {
		for _, before := range []string{"file", "folder", "link"} {
			for _, after := range []string{"file", "folder", "link"} {
				path := filepath.Join(dir, base)
				place(t, before, path)
				id := captured(t, path)
				must(t, os.RemoveAll(path))
				place(t, after, path)
				removes(t, id, ErrReplaced)
				stays(t, path)
				must(t, os.RemoveAll(path))
			}
		}
	}
}

// place puts a file, a folder with something in it, or a link at the path.
func place(t testing.TB, kind, path string) {
	t.Helper()
	switch kind {
	case "file":
		write(t, path)
	case "folder":
		write(t, filepath.Join(path, "in it"))
	case "link":
		link(t, "anything", path)
	}
}

func TestRandom(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	for _, kind := range []string{"file", "folder", "link"} {
		path := filepath.Join(dir, NewName("x-"))
		id := captured(t, path)
		if id.Kind != Random || id.Exists() {
			t.Errorf("%+v", id)
		}
		removes(t, id, nil) // it was never made
		place(t, kind, path)
		beside := filepath.Join(dir, NewName("x-"))
		write(t, beside)
		wants(t, Remove(context.Background(), id, Options{NamedByLiving: always}), nil, path) // not asked
		isGone(t, path)
		stays(t, beside)
	}
	path := filepath.Join(dir, NewName("x-"))
	write(t, path)
	if id := captured(t, path); id.Kind != Existing {
		t.Errorf("it exists: %+v", id)
	}
}

func always(string) bool { return true }

// TestNamed goes through the rules of a name that the user chose.
func TestNamed(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	path := filepath.Join(dir, "app", "sock")
	must(t, os.Mkdir(filepath.Dir(path), 0o755))
	id := captured(t, path)
	if id.Kind != Named || id.Exists() {
		t.Errorf("%+v", id)
	}
	removes(t, id, nil) // absent, and so it is
	wants(t, Remove(context.Background(), id, Options{NamedByLiving: always}), nil, path)

	write(t, path)
	asked := ""
	o := Options{NamedByLiving: func(path string) bool { asked = path; return true }}
	wants(t, Remove(context.Background(), id, o), ErrInUse, path)
	if stays(t, path); asked != path {
		t.Errorf("asked for %q", asked)
	}
	if runtime.GOOS != "windows" {
		other := id
		other.UID++
		removes(t, other, ErrNotOwner)
		stays(t, path)
	}
	removes(t, id, nil)
	isGone(t, path)

	must(t, os.RemoveAll(filepath.Dir(path))) // another folder by the same name
	write(t, path)
	removes(t, id, ErrReplaced)
	stays(t, path)

	write(t, path)
	id = captured(t, path) // present at registration: this one, or nothing
	wants(t, Remove(context.Background(), id, o), ErrInUse, path)
	stays(t, path)
	removes(t, id, nil)
	write(t, path)
	removes(t, id, ErrReplaced)
	stays(t, path)
}

// TestFoldersGone removes the folders above first, as a temporary folder in a temporary folder sees it.
func TestFoldersGone(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	top := filepath.Join(dir, "a")
	path := filepath.Join(top, "b", "c", "d", "e", "f", "file")
	write(t, path)
	existing, random, named := captured(t, path), captured(t, filepath.Join(filepath.Dir(path), NewName(""))), captured(t, path+"2")
	above := captured(t, top)
	removes(t, above, nil)
	for _, id := range []ID{existing, random, named, above} {
		removes(t, id, nil)
	}
	write(t, path) // all of the way is new
	write(t, random.Path())
	write(t, named.Path())
	for _, id := range []ID{existing, random, named} {
		removes(t, id, ErrReplaced)
		stays(t, id.Path())
	}
	must(t, os.RemoveAll(top))
	write(t, top) // a file is in the way
	removes(t, existing, ErrReplaced)
	must(t, os.Remove(top))
	link(t, dir, top)
	removes(t, existing, ErrReplaced)
	stays(t, dir)
}

// TestElsewhere has no recorded folder that is still what it was: as in another mount namespace.
func TestElsewhere(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	path := filepath.Join(dir, "a", "file")
	write(t, path)
	id := captured(t, path)
	for i := range id.Dirs {
		dir, ok := parseThing(id.Dirs[i])
		if !ok {
			t.Fatal(id.Dirs[i])
		}
		dir.handle = "x" + dir.handle[1:]
		id.Dirs[i] = dir.String()
	}
	removes(t, id, ErrElsewhere)
	stays(t, path)
	must(t, os.RemoveAll(filepath.Dir(path)))
	removes(t, id, ErrElsewhere) // absent, but not where it was recorded
}

// TestLinksAbove resolves them when the path is captured, and not again.
func TestLinksAbove(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	before, after := filepath.Join(dir, "run"), filepath.Join(dir, "victim")
	write(t, filepath.Join(before, "sub", "file"))
	write(t, filepath.Join(after, "sub", "file"))
	run := filepath.Join(dir, "var-run") // as var/run is a link to run
	link(t, before, run)
	id := captured(t, filepath.Join(run, "sub", "file"))
	if want := filepath.Join(before, "sub", "file"); id.Path() != want {
		t.Errorf("captured %s, want %s", id.Path(), want)
	}
	must(t, os.Remove(run))
	link(t, after, run)
	removes(t, id, nil)
	isGone(t, filepath.Join(before, "sub", "file"))
	stays(t, filepath.Join(after, "sub", "file"))

	for path, want := range map[string]string{
		filepath.Join(run, "sub") + "/": filepath.Join(after, "sub"),
		run + "/":                       run, // the link is the thing
		run + "/sub/.":                  filepath.Join(after, "sub"),
		filepath.Join(dir, "victim") + "/sub/../sub":  filepath.Join(after, "sub"),
		filepath.Join(dir, "victim") + "/./sub//file": filepath.Join(after, "sub", "file"),
	} {
		if id := captured(t, path); id.Path() != want {
			t.Errorf("captured %s as %s, want %s", path, id.Path(), want)
		}
	}
	write(t, filepath.Join(dir, "file"))
	write(t, filepath.Join(after, "file"))
	link(t, filepath.Join(after, "sub"), filepath.Join(dir, "sub"))
	if runtime.GOOS == "linux" { // elsewhere, ".." is taken off before links are looked at
		if id := captured(t, filepath.Join(dir, "sub")+"/../file"); id.Path() != filepath.Join(after, "file") {
			t.Errorf("captured %s", id.Path())
		}
	}
	if _, err := Capture(filepath.Join(dir, "nowhere", "file")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its folder does not exist: %v", err)
	}
	for _, path := range []string{"", "a\x00b"} {
		if _, err := Capture(path); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", path, err)
		}
	}
}

// TestHardLinks has two names for one file.
func TestHardLinks(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	one, two, tree := filepath.Join(dir, "one"), filepath.Join(dir, "two"), filepath.Join(dir, "tree")
	write(t, one)
	must(t, os.Mkdir(tree, 0o755))
	must(t, os.Link(one, two))
	must(t, os.Link(one, filepath.Join(tree, "three")))
	removes(t, captured(t, one), nil)
	removes(t, captured(t, tree), nil)
	isGone(t, one, tree)
	stays(t, two)
	if text, err := os.ReadFile(two); err != nil || string(text) != one {
		t.Errorf("%q, %v", text, err)
	}
}

// TestRelative captures below the working folder.
func TestRelative(t *testing.T) {
	dir := folder(t)
	t.Chdir(dir)
	write(t, "sub/file")
	id := captured(t, "sub/file")
	if want := filepath.Join(dir, "sub", "file"); id.Path() != want {
		t.Errorf("captured %s, want %s", id.Path(), want)
	}
	t.Chdir("sub")
	if id := captured(t, "../sub/./file"); id.Path() != filepath.Join(dir, "sub", "file") {
		t.Errorf("captured %s", id.Path())
	}
	removes(t, id, nil)
}

// TestProtected makes a home and a working folder, and wants both to stay, with what they are in.
func TestProtected(t *testing.T) {
	dir := folder(t)
	home, wd := filepath.Join(dir, "users", "me"), filepath.Join(dir, "work", "here")
	write(t, filepath.Join(home, "file"))
	write(t, filepath.Join(wd, "file"))
	var ids []ID
	for _, path := range []string{home, filepath.Dir(home), wd, filepath.Dir(wd), dir} {
		ids = append(ids, captured(t, path)) // while it is not protected
	}
	linked := filepath.Join(dir, "home")
	link(t, home, linked)
	ids = append(ids, captured(t, linked))
	for _, value := range []string{home, linked, linked + "/."} {
		for _, name := range []string{"HOME", "USERPROFILE"} {
			t.Setenv(name, value)
		}
		t.Chdir(wd)
		for _, id := range ids {
			if value == home && id.Path() == linked {
				continue // a link to a home is no home
			}
			removes(t, id, ErrProtected)
			_, err := Capture(id.Path())
			wants(t, err, ErrProtected, id.Path())
		}
		for _, path := range []string{".", "..", "/", filepath.Dir(dir), wd + "/..", home + "/../"} {
			_, err := Capture(path)
			wants(t, err, ErrProtected, path)
		}
	}
	stays(t, filepath.Join(home, "file"), filepath.Join(wd, "file"))
	removes(t, captured(t, filepath.Join(home, "file")), nil) // what is in them may go
	t.Setenv("HOME", filepath.Join(dir, "absent", "me"))
	t.Setenv("USERPROFILE", filepath.Join(dir, "absent", "me"))
	_, err := Capture(filepath.Join(dir, "absent"))
	wants(t, err, ErrProtected, "a home that is not there yet")
}

// TestContext ends before, and while, a tree is removed.
func TestContext(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	path := filepath.Join(dir, "file")
	write(t, path)
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("no time")
	cancel(why)
	wants(t, Remove(ctx, captured(t, path), Options{}), why, path)
	stays(t, path)
}
