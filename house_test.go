package lastly_test

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// This file and house_*_test.go are the law of the house; CONTRIBUTING.md has it in prose.

const module = "github.com/lastly-go/lastly"

// layers are the packages of the root module; one may import what is below it. internal/... is layer 0.
var layers = map[string]int{
	"":         1, // lastly itself
	"durable":  2,
	"resource": 3,
	"web":      4,
}

// mayInit lists the init functions that there may be, as "file", with the reason.
var mayInit = map[string]string{}

// maySleep lists the functions of tests that may call time.Sleep outside of a bubble, as "file: function", with the reason.
var maySleep = map[string]string{
	"helpers_test.go: recorder.sleeper": "a hook for tests that run in a bubble",
	"report_test.go: sample":            "a scope for tests that run in a bubble",
}

// mayNamePath lists the files that may contain an absolute path of some machine, with the reason.
var mayNamePath = map[string]string{}

// tree is everything in the repository, read once.
var tree = sync.OnceValues(readTree)

// A repository is what tree returns.
type repository struct {
	files   []string             // all, by path from the root
	parsed  map[string]*ast.File // the Go files
	fset    *token.FileSet
	modules []string // directories with a go.mod; "." is the root
}

func readTree() (*repository, error) {
	r := &repository{parsed: make(map[string]*ast.File), fset: token.NewFileSet()}
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == ".git" {
			return filepath.SkipDir
		}
		if !d.Type().IsRegular() {
			return nil
		}
		file = filepath.ToSlash(file)
		r.files = append(r.files, file)
		if d.Name() == "go.mod" {
			r.modules = append(r.modules, path.Dir(file))
		}
		if path.Ext(file) == ".go" && !inTestdata(file) {
			r.parsed[file], err = parser.ParseFile(r.fset, file, nil, parser.ParseComments|parser.SkipObjectResolution)
		}
		return err
	})
	return r, err
}

func inTestdata(file string) bool {
	return slices.Contains(strings.Split(path.Dir(file), "/"), "testdata")
}

func house(t *testing.T) *repository {
	t.Helper()
	r, err := tree()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// goFiles are the Go files, sorted.
func (r *repository) goFiles() []string { return slices.Sorted(maps.Keys(r.parsed)) }

// moduleOf returns the directory of the module that a file belongs to.
func (r *repository) moduleOf(file string) string {
	found := "."
	for _, dir := range r.modules {
		if strings.HasPrefix(file, dir+"/") && len(dir) > len(found) {
			found = dir
		}
	}
	return found
}

func imports(f *ast.File) []string {
	var paths []string
	for _, spec := range f.Imports {
		name, _ := strconv.Unquote(spec.Path.Value)
		paths = append(paths, name)
	}
	return paths
}

func TestHouseModules(t *testing.T) {
	r := house(t)
	work := readFile(t, "go.work")
	for _, dir := range r.modules {
		lines := strings.Split(readFile(t, path.Join(dir, "go.mod")), "\n")
		if !slices.Contains(lines, "go 1.26.0") {
			t.Errorf("%s/go.mod does not say `go 1.26.0`", dir)
		}
		if want := "module " + path.Join(module, dir); lines[0] != want {
			t.Errorf("%s/go.mod begins with %q, want %q", dir, lines[0], want)
		}
		if use := "./" + dir; dir != "." && !strings.Contains(work, "\t"+use+"\n") {
			t.Errorf("go.work does not use %s, so `go test work` skips it", use)
		}
		for _, line := range lines {
			verb, _, _ := strings.Cut(line, " ")
			if dir == "." && slices.Contains([]string{"require", "replace", "exclude", "tool", "toolchain"}, verb) {
				t.Errorf("the root's go.mod has %q: it requires nothing but the standard library", line)
			}
		}
	}
}

func TestHouseImports(t *testing.T) {
	r := house(t)
	for _, file := range r.goFiles() {
		if r.moduleOf(file) != "." {
			continue
		}
		dir := path.Dir(file)
		mine := layer(t, dir)
		for _, name := range imports(r.parsed[file]) {
			own, isOwn := strings.CutPrefix(name+"/", module+"/")
			first, _, _ := strings.Cut(name, "/")
			switch {
			case !isOwn && strings.Contains(first, "."):
				t.Errorf("%s imports %s: the root module has the standard library and itself", file, name)
			case !isOwn || path.Clean(own) == dir:
			case r.moduleOf(own) != ".":
				t.Errorf("%s imports %s, which is another module", file, name)
			case layer(t, path.Clean(own)) > mine || layer(t, path.Clean(own)) == mine && mine > 0:
				t.Errorf("%s imports %s: arrows point down", file, name)
			}
		}
	}
}

// layer is how high a package of the root module stands.
func layer(t *testing.T, dir string) int {
	t.Helper()
	if dir == "." {
		dir = ""
	}
	if dir == "internal" || strings.HasPrefix(dir, "internal/") {
		return 0
	}
	n, ok := layers[dir]
	if !ok {
		t.Errorf("package %q has no layer: give it one in house_test.go", dir)
	}
	return n
}

func TestHousePackageDocs(t *testing.T) {
	r := house(t)
	docs := make(map[string][]string) // by directory
	for _, file := range r.goFiles() {
		f := r.parsed[file]
		dir := path.Dir(file)
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		docs[dir] = slices.Clone(docs[dir]) // known, also when none of its files has a doc
		if text := f.Doc.Text(); text != "" {
			docs[dir] = append(docs[dir], file)
			if want := "Package " + f.Name.Name + " "; f.Name.Name != "main" && !strings.HasPrefix(text, want) {
				t.Errorf("%s: the package doc does not begin with %q", file, want)
			}
		}
	}
	for dir, files := range docs {
		if len(files) != 1 {
			t.Errorf("package %s has %d package docs, want one: %q", dir, len(files), files)
		}
	}
}

func TestHouseFormat(t *testing.T) {
	r := house(t)
	for _, file := range r.goFiles() {
		source := []byte(readFile(t, file))
		formatted, err := format.Source(source)
		if err != nil {
			t.Errorf("%s: %v", file, err)
		} else if !bytes.Equal(source, formatted) {
			t.Errorf("%s is not formatted: gofmt -w %s", file, file)
		}
	}
}

func TestHouseNoInit(t *testing.T) {
	r := house(t)
	for _, file := range r.goFiles() {
		for _, decl := range r.parsed[file].Decls {
			f, ok := decl.(*ast.FuncDecl)
			if ok && f.Recv == nil && f.Name.Name == "init" && mayInit[file] == "" {
				t.Errorf("%s has an init function: importing changes nothing", r.fset.Position(f.Pos()))
			}
		}
	}
}

// TestHouseNoSleep finds tests that wait for real time to pass: they are slow on good days and fail on bad ones. Inside of
// synctest.Test the clock is fake.
func TestHouseNoSleep(t *testing.T) {
	r := house(t)
	used := make(map[string]bool)
	for _, file := range r.goFiles() {
		if !strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, decl := range r.parsed[file].Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			where := file + ": " + funcName(f)
			for _, pos := range sleeps(f) {
				used[where] = true
				if maySleep[where] == "" {
					t.Errorf("%s: sleeps outside of a bubble (%s): use testing/synctest, or testproc.Poll", r.fset.Position(pos), where)
				}
			}
		}
	}
	for where := range maySleep {
		if !used[where] {
			t.Errorf("maySleep lists %q, which does not sleep", where)
		}
	}
}

// sleeps returns where a function names time.Sleep outside of the arguments of synctest.Test.
func sleeps(f *ast.FuncDecl) (at []token.Pos) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			return !isName(n.Fun, "synctest", "Test")
		case *ast.SelectorExpr:
			if isName(n, "time", "Sleep") {
				at = append(at, n.Pos())
			}
		}
		return true
	})
	return at
}

func isName(e ast.Expr, pkg, name string) bool {
	sel, ok := e.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != name {
		return false
	}
	x, ok := sel.X.(*ast.Ident)
	return ok && x.Name == pkg
}

func funcName(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	return strings.TrimPrefix(types.ExprString(f.Recv.List[0].Type), "*") + "." + f.Name.Name
}

func TestHouseNoMachinePaths(t *testing.T) {
	r := house(t)
	machine := regexp.MustCompile(`(^|[^\w.~/-])/(work|root)/`)
	for _, file := range r.files {
		if strings.ContainsAny(file, " \t\n") {
			t.Errorf("the name of the file %q has a space", file)
		}
		text := readFile(t, file)
		if strings.ContainsRune(text, 0) || mayNamePath[file] != "" {
			continue
		}
		for i, line := range strings.Split(text, "\n") {
			if machine.MatchString(line) {
				t.Errorf("%s:%d names a path of somebody's machine: %s", file, i+1, strings.TrimSpace(line))
			}
		}
	}
}

func readFile(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.FromSlash(file))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
