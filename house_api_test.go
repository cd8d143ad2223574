package lastly_test

import (
	"flag"
	"fmt"
	"go/ast"
	gobuild "go/build"
	"go/importer"
	"go/types"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/api.txt anew")

// TestAPI compares the exported API of the root module with testdata/api.txt, so that no change of it goes unseen.
//
//	go test -run TestAPI -update .
func TestAPI(t *testing.T) {
	const golden = "testdata/api.txt"
	r := house(t)
	t.Setenv("TMPDIR", t.TempDir()) // where the importer leaves what cgo makes for it
	imp := &treeImporter{r: r, std: importer.ForCompiler(r.fset, "source", nil), done: make(map[string]*types.Package)}
	var got []string
	for _, dir := range r.apiPackages() {
		pkg, err := imp.Import(path.Join(module, dir))
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, apiOf(pkg)...)
	}
	slices.Sort(got)
	text := strings.Join(got, "\n") + "\n"
	if *update {
		if err := os.WriteFile(golden, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want := strings.Split(strings.TrimSuffix(readFile(t, golden), "\n"), "\n")
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("- %s", line)
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("+ %s", line)
		}
	}
	if t.Failed() {
		t.Log("the exported API is not that of testdata/api.txt. If that is meant: go test -run TestAPI -update . and a line in CHANGELOG.md")
	}
}

// apiPackages are the directories of the root module's packages that others may import.
func (r *repository) apiPackages() []string {
	dirs := make(map[string]bool)
	for file, f := range r.parsed {
		dir := path.Dir(file)
		internal := slices.Contains(strings.Split(dir, "/"), "internal")
		if r.moduleOf(file) == "." && !internal && f.Name.Name != "main" && !strings.HasSuffix(file, "_test.go") {
			dirs[dir] = true
		}
	}
	return slices.Sorted(maps.Keys(dirs))
}

// treeImporter type-checks the packages of the root module from the tree, and leaves the others to std.
type treeImporter struct {
	r    *repository
	std  types.Importer
	done map[string]*types.Package
}

func (i *treeImporter) Import(name string) (*types.Package, error) {
	dir, own := strings.CutPrefix(name+"/", module+"/")
	if !own {
		return i.std.Import(name)
	}
	if pkg := i.done[name]; pkg != nil {
		return pkg, nil
	}
	dir = path.Clean(dir)
	var files []*ast.File
	for _, file := range i.r.goFiles() {
		if path.Dir(file) != dir || strings.HasSuffix(file, "_test.go") {
			continue
		}
		match, err := gobuild.Default.MatchFile(dir, path.Base(file))
		if err != nil {
			return nil, err
		}
		if match {
			files = append(files, i.r.parsed[file])
		}
	}
	pkg, err := (&types.Config{Importer: i}).Check(name, i.r.fset, files, nil)
	i.done[name] = pkg
	return pkg, err
}

// apiOf writes down what a package exports, one thing a line.
func apiOf(pkg *types.Package) (lines []string) {
	qualify := func(p *types.Package) string {
		if p == pkg {
			return ""
		}
		return p.Name()
	}
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for _, name := range pkg.Scope().Names() {
		obj := pkg.Scope().Lookup(name)
		if !obj.Exported() {
			continue
		}
		switch obj := obj.(type) {
		case *types.Const:
			add("%s = %s", types.ObjectString(obj, qualify), obj.Val())
		case *types.TypeName:
			lines = append(lines, apiOfType(obj, qualify)...)
		default:
			add("%s", types.ObjectString(obj, qualify))
		}
	}
	for i := range lines {
		lines[i] = strings.TrimPrefix(pkg.Path(), path.Dir(module)+"/") + ": " + lines[i]
	}
	return lines
}

// apiOfType writes down a type: the exported fields of a struct, and the methods.
func apiOfType(obj *types.TypeName, qualify types.Qualifier) (lines []string) {
	if of, ok := obj.Type().Underlying().(*types.Struct); !ok {
		lines = append(lines, types.ObjectString(obj, qualify))
	} else {
		lines = append(lines, "type "+obj.Name()+" struct")
		for i := range of.NumFields() {
			if f := of.Field(i); f.Exported() {
				line := fmt.Sprintf("field %s.%s %s %s", obj.Name(), f.Name(), types.TypeString(f.Type(), qualify), of.Tag(i))
				lines = append(lines, strings.TrimSpace(line))
			}
		}
	}
	if named, ok := obj.Type().(*types.Named); ok {
		for m := range named.Methods() {
			if m.Exported() {
				lines = append(lines, types.ObjectString(m, qualify))
			}
		}
	}
	return lines
}
