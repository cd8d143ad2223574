package lastly_test

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"go/ast"
	gobuild "go/build"
	"go/format"
	"go/importer"
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
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
)

// This file is the law of the house; CONTRIBUTING.md has it in prose.

const module = "github.com/lastly-go/lastly"

var update = flag.Bool("update", false, "write testdata/api.txt anew")

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
	"helpers_test.go: poll":             "the one poll helper, with its deadline",
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
		for _, name := range imports(r.parsed[file]) {
			own, isOwn := strings.CutPrefix(name+"/", module+"/")
			first, _, _ := strings.Cut(name, "/")
			switch {
			case !isOwn && strings.Contains(first, "."):
				t.Errorf("%s imports %s: the root module has the standard library and itself", file, name)
			case isOwn && r.moduleOf(own) != ".":
				t.Errorf("%s imports %s, which is another module", file, name)
			case isOwn && layer(t, path.Dir(own)) >= layer(t, path.Dir(file)) && path.Dir(own) != path.Dir(file):
				if !strings.HasSuffix(file, "_test.go") || layer(t, path.Dir(own)) > 0 {
					t.Errorf("%s imports %s: arrows point down", file, name)
				}
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
		if strings.ContainsRune(text, 0) || file == "house_test.go" || mayNamePath[file] != "" {
			continue
		}
		for i, line := range strings.Split(text, "\n") {
			if machine.MatchString(line) {
				t.Errorf("%s:%d names a path of somebody's machine: %s", file, i+1, strings.TrimSpace(line))
			}
		}
	}
}

// TestAPI compares the exported API of the root module with testdata/api.txt, so that no change of it goes unseen.
//
//	go test -run TestAPI -update .
func TestAPI(t *testing.T) {
	const golden = "testdata/api.txt"
	r := house(t)
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

func readFile(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.FromSlash(file))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestReadme keeps the README's promises: the two commands, and a first program that is the one in examples/first.
func TestReadme(t *testing.T) {
	readme := readFile(t, "README.md")
	for _, command := range []string{"go run ./examples/demo", "go test work"} {
		if !strings.Contains(readme, "\n    "+command+"\n") {
			t.Errorf("README.md does not have the command %q on a line of its own", command)
		}
	}
	_, program, ok := strings.Cut(readFile(t, "examples/first/main.go"), "\npackage main\n")
	if !ok || !strings.Contains(readme, "```go\npackage main\n"+program+"```\n") {
		t.Error("the first program in README.md is not that in examples/first/main.go")
	}
}

// TestLinks follows the links of every page to files of the repository.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:\s]+)(#[^)]*)?\)`)
	for _, file := range house(t).files {
		if path.Ext(file) != ".md" {
			continue
		}
		for _, found := range link.FindAllStringSubmatch(readFile(t, file), -1) {
			if _, err := os.Stat(path.Join(path.Dir(file), found[1])); err != nil {
				t.Errorf("%s has a link to %s: %v", file, found[1], err)
			}
		}
	}
}

// tables returns the tables of a page that have the given header, cell by cell.
func tables(t *testing.T, page, header string) (all [][][]string) {
	t.Helper()
	inTable := false
	for line := range strings.Lines(readFile(t, page)) {
		line = strings.TrimSpace(line)
		switch {
		case line == header:
			inTable = true
			all = append(all, nil)
		case !strings.HasPrefix(line, "|"):
			inTable = false
		case inTable && !strings.HasPrefix(line, "|--"):
			var cells []string
			for cell := range strings.SplitSeq(strings.Trim(line, "|"), "|") {
				cells = append(cells, strings.TrimSpace(cell))
			}
			all[len(all)-1] = append(all[len(all)-1], cells)
		}
	}
	if len(all) == 0 {
		t.Fatalf("%s has no table with the header %s", page, header)
	}
	return all
}

// TestOrderPage registers the hooks of the tables in docs/order.md and compares the plan.
func TestOrderPage(t *testing.T) {
	for k, table := range tables(t, "docs/order.md", "| # | hook | Uses | Last | after | beside |") {
		var scope lastly.Scope
		for _, row := range table {
			hook := lastly.Hook{Name: row[1], Last: row[3] == "yes", Run: func(context.Context) error { return nil }}
			switch row[2] {
			case "":
			case "Nothing":
				hook.Uses = lastly.Nothing
			default:
				hook.Uses = strings.Split(row[2], ", ")
			}
			scope.Register(hook)
		}
		for i, hook := range scope.Report().Hooks {
			row := table[i]
			got := []string{strconv.Itoa(hook.ID), ids(hook.WaitsFor), ids(hook.Beside)}
			want := []string{row[0], row[4], row[5]}
			if !slices.Equal(got, want) || hook.Last != (row[3] != "") {
				t.Errorf("table %d, hook %s: #, after, beside are %q and Last is %t, want %q and %q", k+1, row[1], got, hook.Last, want, row[3])
			}
		}
	}
}

func ids(is []int) string {
	var texts []string
	for _, i := range is {
		texts = append(texts, strconv.Itoa(i))
	}
	return strings.Join(texts, ", ")
}

// TestTimePage closes a scope with the hooks of each table in docs/time.md under a fake clock and compares the report.
func TestTimePage(t *testing.T) {
	for k, table := range tables(t, "docs/time.md", "| hook | Timeout | does | starts | takes | outcome |") {
		synctest.Test(t, func(t *testing.T) {
			var scope lastly.Scope
			never := make(chan struct{})
			children := make(map[string]*lastly.Scope)
			for _, row := range table {
				in, name := &scope, row[0]
				if held, ok := strings.CutSuffix(name, " (hold)"); ok {
					_, err := scope.Hold(held)
					fatal(t, err)
					continue
				}
				if child, rest, ok := strings.Cut(name, "/"); ok {
					if children[child] == nil {
						children[child] = scope.Child(lastly.Hook{Name: child})
					}
					in, name = children[child], rest
				}
				timeout, err := time.ParseDuration(cmp.Or(row[1], "0s"))
				fatal(t, err)
				in.Register(lastly.Hook{Name: name, Timeout: timeout, Run: behaviour(t, row[2], never)})
			}
			_ = scope.Close()
			var got [][]string
			add := func(prefix string, offset time.Duration, hooks []lastly.HookReport) {
				for _, h := range hooks {
					name := prefix + h.Name
					if h.Kind == "hold" {
						name += " (hold)"
					}
					if h.Scope == nil {
						got = append(got, []string{name, (offset + h.Start).String(), h.Duration.String(), string(h.Outcome)})
					}
				}
			}
			for _, h := range scope.Report().Hooks {
				if h.Scope != nil {
					add(h.Name+"/", h.Start, h.Scope.Hooks)
				} else {
					add("", 0, []lastly.HookReport{h})
				}
			}
			close(never)
			for i, row := range table {
				if want := []string{row[0], row[3], row[4], row[5]}; !slices.Equal(got[i], want) {
					t.Errorf("table %d: got %q, the page says %q", k+1, got[i], want)
				}
			}
		})
	}
}

// behaviour is what the column "does" says.
func behaviour(t *testing.T, does string, never chan struct{}) func(context.Context) error {
	t.Helper()
	switch does {
	case "polite":
		return func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	case "deaf":
		return func(context.Context) error { <-never; return nil }
	}
	d, err := time.ParseDuration(does)
	fatal(t, err)
	return func(context.Context) error { <-time.After(d); return nil }
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
