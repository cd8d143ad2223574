package packaging

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/lastly-go/lastly/e2e/internal/real"
)

// entrypoint is what packaging/Dockerfile has.
func entrypoint(t *testing.T) (words []string) {
	t.Helper()
	all := regexp.MustCompile(`(?m)^ENTRYPOINT (.*)$`).FindAllStringSubmatch(read(t, folder+"/Dockerfile"), -1)
	if len(all) != 2 || all[0][1] != all[1][1] {
		t.Fatalf("packaging/Dockerfile has the entrypoints %q, want two equal ones", all)
	}
	if err := json.Unmarshal([]byte(all[0][1]), &words); err != nil {
		t.Fatal(err)
	}
	return words
}

// image is an empty folder with the two programs, as a container from scratch has it.
func image(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	build(t, "../../cmd/lastly", ".", filepath.Join(root, "lastly"))
	build(t, ".", "./testdata/prog", filepath.Join(root, "prog"))
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	return root
}

// A container is how an engine starts an image: as process 1, with /proc and /dev/null, and nothing else.
type container struct {
	noProc   bool
	readOnly bool
	user     string // a number; "": root
}

// prepare is a shell's, in namespaces of its own: $1 is the root, $2 "ro" or nothing.
const prepare = `set -e
root=$1
[ "$2" != ro ] || { mount --bind "$root" "$root"; mount -o remount,bind,ro "$root"; }
[ ! -d "$root/proc" ] || mount -t proc proc "$root/proc"
mount -t tmpfs dev "$root/dev"
mknod -m 666 "$root/dev/null" c 1 3
change=$(command -v chroot)
shift 2
exec env -i PATH=/bin "$change" "$@"`

// start runs the words in it.
func (c container) start(t *testing.T, root string, words ...string) (status int, text string) {
	t.Helper()
	dirs := []string{"dev", "proc"}
	if c.noProc {
		dirs = dirs[:1]
	}
	for _, dir := range dirs {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	mode := "rw"
	if c.readOnly {
		mode = "ro"
	}
	args := []string{"--pid", "--fork", "--mount", "--kill-child", "sh", "-c", prepare, "sh", root, mode}
	if c.user != "" {
		args = append(args, "--userspec="+c.user+":"+c.user)
	}
	return run(t, nil, real.Need(t, "unshare", "util-linux"), append(append(args, root), words...)...)
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("a container's root needs root, to mount what an engine mounts")
	}
}

// TestScratch: an image from scratch has what `lastly run` needs, for root and others, writable or not. There is no /tmp, no /etc,
// no user database and no C library.
func TestScratch(t *testing.T) {
	needRoot(t)
	root := image(t)
	command := append(entrypoint(t), "/prog", "where", "orphan", "7")
	for name, test := range map[string]struct {
		container

		want string
	}{
		"root":                {container{}, "uid 0, socket true, /tmp false\n"},
		"another user":        {container{user: "65534"}, "uid 65534, socket false, /tmp false\n"},
		"read-only":           {container{readOnly: true}, "uid 0, socket false, /tmp false\n"},
		"read-only, and user": {container{readOnly: true, user: "65534"}, "uid 65534, socket false, /tmp false\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.RemoveAll(filepath.Join(root, "var")); err != nil { // from the one before
				t.Fatal(err)
			}
			status, text := test.start(t, root, command...)
			if status != 7 || !strings.HasSuffix(text, test.want+"orphan: <nil>\n") {
				t.Errorf("exit status %d, %q, want 7 and %q", status, text, test.want)
			}
		})
	}
}

// TestScratchAdd: what is registered in an image from scratch is undone, where there is a folder for journals.
func TestScratchAdd(t *testing.T) {
	needRoot(t)
	root := image(t)
	status, text := container{}.start(t, root, append(entrypoint(t), "/prog", "add", "/thing", "3")...)
	if status != 3 || text != "made: <nil>\n" {
		t.Errorf("exit status %d, %q", status, text)
	}
	if _, err := os.Lstat(filepath.Join(root, "thing")); err == nil {
		t.Error("what was registered is still there")
	}
	status, text = container{user: "65534", readOnly: true}.start(t, root, append(entrypoint(t), "/prog", "add", "/thing")...)
	if status != 1 {
		t.Errorf("exit status %d without a folder for journals", status)
	}
	wantText(t, text, "add: exit status 3: lastly: add remove: ")
}

// TestScratchLacks: what does not work says what it needs.
func TestScratchLacks(t *testing.T) {
	needRoot(t)
	root := image(t)
	status, text := container{noProc: true}.start(t, root, append(entrypoint(t), "/prog", "7")...)
	if status != 125 {
		t.Errorf("without /proc: exit status %d, want 125", status)
	}
	wantText(t, text, "/proc")
	status, text = container{}.start(t, root, "/lastly", "run", "--temp", "--", "/prog", "7")
	if status != 125 {
		t.Errorf("--temp without /tmp: exit status %d, want 125", status)
	}
	wantText(t, text, "/tmp: no such file or directory; ", "TMPDIR")
}

// TestSize: an image does not grow by more than docs/coming-from-tini.md says, in round figures.
func TestSize(t *testing.T) {
	const most = 12_000_000
	info, err := os.Stat(filepath.Join(image(t), "lastly"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > most {
		t.Errorf("the binary has %d bytes, want %d at most", info.Size(), most)
	}
}

// TestImage builds and starts the image, where an engine runs. Nothing is pulled.
func TestImage(t *testing.T) {
	docker := optional(t, "docker")
	if status, text := run(t, nil, docker, "info"); status != 0 {
		t.Skipf("no engine: docker info: %s", strings.TrimSpace(lastLine(text)))
	}
	context := image(t)
	name := "lastly-test-" + filepath.Base(context)
	must(t, nil, docker, "build", "-q", "-f", folder+"/Dockerfile", "--target", "prebuilt", "-t", name, context)
	defer func() { _, _ = run(t, nil, docker, "image", "rm", "-f", name) }()
	words := []string{"run", "--rm", "-v", filepath.Join(context, "prog") + ":/prog:ro", name, "/prog", "where", "orphan", "7"}
	status, text := run(t, nil, docker, words...)
	if status != 7 {
		t.Errorf("exit status %d, want 7", status)
	}
	wantText(t, text, "uid 0, socket true, /tmp false\n")
	if text := must(t, nil, docker, "run", "--rm", "--entrypoint", "/lastly", name, "version"); !strings.HasPrefix(text, "lastly ") {
		t.Errorf("version: %q", text)
	}
}

func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndex(text, "\n")+1:]
}

// TestReadmeOfPackaging: the page has the entrypoint that the image has.
func TestReadmeOfPackaging(t *testing.T) {
	text, err := json.Marshal(entrypoint(t))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(string(text), ",", ", ")
	wantText(t, read(t, folder+"/README.md"), "ENTRYPOINT "+want)
}
