package convert

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"image/png"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/examples/service/internal/ownjournal"
)

// victimEnv makes the test binary a child: "converter", or one that is "stubborn" and takes no signal.
const victimEnv = "CONVERT_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(victimEnv) {
	case "converter":
		ServeStdio()
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		if err := Serve(os.Stdin, os.Stdout); err == nil {
			select {} // until it is killed
		}
	default:
		os.Exit(ownjournal.Main(m))
	}
}

func command(t *testing.T, child string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), victimEnv+"="+child, "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	return cmd
}

// picture writes a PNG image of that size into a new file.
func picture(t *testing.T, width, height int) string {
	t.Helper()
	var buf bytes.Buffer
	if err := png.Encode(&buf, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "in.png")
	if err := os.WriteFile(path, buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func size(t *testing.T, path string) image.Point {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	config, err := jpeg.DecodeConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	return image.Pt(config.Width, config.Height)
}

func TestChildConverts(t *testing.T) {
	var scope lastly.Scope
	c, err := Register(&scope, command(t, "converter"))
	if err != nil {
		t.Fatal(err)
	}
	in := picture(t, 640, 480)
	var wg sync.WaitGroup
	for _, name := range []string{"a", "b", "c", "d"} {
		wg.Go(func() {
			if err := c.Convert(t.Context(), in, filepath.Join(filepath.Dir(in), name)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := size(t, filepath.Join(filepath.Dir(in), "d")); got != image.Pt(160, 120) {
		t.Errorf("thumbnail is %v, want 160x120", got)
	}

	err = c.Convert(t.Context(), filepath.Join(t.TempDir(), "missing"), in+".jpg")
	if err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("Convert of a file that does not exist: %v", err)
	}
	if err := c.Convert(t.Context(), in, in+".jpg"); err != nil {
		t.Errorf("Convert after a failed one: %v", err)
	}

	if err := scope.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Convert(t.Context(), in, in+".jpg"); err == nil {
		t.Error("Convert after the end: no error")
	}
}

func TestStopKillsAStubbornChild(t *testing.T) {
	c, err := Start(command(t, "stubborn"))
	if err != nil {
		t.Fatal(err)
	}
	// Once it answers, it has seen to the signal.
	if err := c.Convert(t.Context(), "", ""); err == nil {
		t.Error("Convert of no file: no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Stop(ctx); err == nil {
		t.Error("Stop of a child that had to be killed: no error")
	}
	if c.cmd.ProcessState == nil {
		t.Error("the child was not awaited")
	}
}

func TestStopBeforeTheChildListens(t *testing.T) {
	for range 3 { // at its start, when the default action of SIGTERM still holds, or a moment later: both are right
		c, err := Start(command(t, "converter"))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestStartFails(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	if _, err := Start(exec.Command(missing)); err == nil {
		t.Error("Start of a program that does not exist: no error")
	}
	var scope lastly.Scope
	if _, err := Register(&scope, exec.Command(missing)); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("Register of a program that does not exist: %v, want an error that names it", err)
	}
}

func TestConvertWaitsForItsTurnUntilItsContextEnds(t *testing.T) {
	c := &Converter{turn: make(chan struct{}, 1)} // somebody else's turn
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Convert(ctx, "in", "out"); err == nil {
		t.Error("no error")
	}
}

func TestServe(t *testing.T) {
	in := picture(t, 40, 4000)
	jobs := `{"in":"` + in + `","out":"` + in + `.jpg"}` + "\n" + `{"in":"","out":""}` + "\n"
	var out strings.Builder
	if err := Serve(strings.NewReader(jobs), &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || lines[0] != "{}" || !strings.Contains(lines[1], "error") {
		t.Errorf("outcomes: %q, want one good and one bad", lines)
	}
	if got := size(t, in+".jpg"); got != image.Pt(40, 4000) {
		t.Errorf("a narrow image became %v, want it as it is", got)
	}
	if err := Serve(strings.NewReader("nonsense"), &out); err == nil {
		t.Error("Serve of nonsense: no error")
	}
}
