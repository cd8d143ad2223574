package supervise

import (
	"reflect"
	"slices"
	"syscall"
	"testing"
)

// full has something in every field that is passed on.
func full() *Config {
	return &Config{
		Path: "/bin/x", Dir: "dir", Args: []string{"x", "", "a b"}, Env: []string{"A=1", "B="},
		Files: []bool{true, true, true, false, true}, GraceMS: 5000, Signals: Signals{Blocked: 1 << 63, Ignored: 3}, Stops: true, LetGo: true,
		Attr: syscall.SysProcAttr{
			Chroot: "/root", Setsid: true, Setpgid: true, Setctty: true, Noctty: true, Foreground: true, GidMappingsEnableSetgroups: true,
			UseCgroupFD: true, Ctty: 4, Pgid: -1, Cloneflags: 1 << 30, Unshareflags: 1 << 29, CgroupFD: 9,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 1, HostID: 2, Size: 3}}, GidMappings: []syscall.SysProcIDMap{},
			AmbientCaps: []uintptr{1, 40}, Credential: &syscall.Credential{Uid: 1, Gid: 1<<32 - 2, Groups: []uint32{7}, NoSetGroups: true},
		},
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for _, c := range []*Config{full(), {Args: []string{}, Env: []string{}, Files: []bool{}}} {
		text := c.Encode()
		d := decoder{rest: text}
		if size := d.number(); size != uint64(len(text)-8) {
			t.Errorf("it says %d bytes, and has %d", size, len(text)-8)
		}
		got, ok := decode(d.rest)
		if !ok || !reflect.DeepEqual(got, c) {
			t.Errorf("%v\n%+v\nwant\n%+v", ok, got, c)
		}
	}
}

// TestAttributesAreComplete: a new field of SysProcAttr has to be passed on, or refused.
func TestAttributesAreComplete(t *testing.T) {
	t.Parallel()
	notPassed := map[string]string{"Ptrace": "refused", "PidFD": "refused", "Pdeathsig": "not needed"}
	attr := reflect.ValueOf(full().Attr)
	for i := range attr.NumField() {
		name := attr.Type().Field(i).Name
		if zero := attr.Field(i).IsZero(); zero != (notPassed[name] != "") {
			t.Errorf("SysProcAttr.%s: tested as passed on: %v, said to be %q", name, !zero, notPassed[name])
		}
	}
}

// TestDamagedConfig: what is cut or garbled is refused, or at least does no harm.
func TestDamagedConfig(t *testing.T) {
	t.Parallel()
	text := full().Encode()[8:]
	for n := range text {
		if _, ok := decode(text[:n]); ok {
			t.Errorf("the first %d bytes of %d are accepted", n, len(text))
		}
		garbled := append([]byte(nil), text...)
		garbled[n] ^= 0xff
		_, _ = decode(garbled)
	}
	if _, ok := decode(append(text[:len(text):len(text)], 0)); ok {
		t.Error("one byte more is accepted")
	}
}

func TestMessage(t *testing.T) {
	t.Parallel()
	message := Message(Ended, 1<<63|5)
	if what, number := Parse(message); len(message) != MessageSize || what != Ended || number != 1<<63|5 {
		t.Errorf("%d bytes, %q, %d", len(message), what, number)
	}
}

func TestSets(t *testing.T) {
	t.Parallel()
	for _, bits := range []uint64{0, 1, 1 << 31, 1 << 32, 1 << 63, 1<<64 - 1} {
		set := toSet(bits)
		if got := set.bits(); got != bits {
			t.Errorf("%x became %x", bits, got)
		}
	}
}

// TestTree: both ways to look find the same.
func TestTree(t *testing.T) {
	t.Parallel()
	one, other := newTree(), newTree()
	other.looked, other.scan = true, true
	for _, tr := range []tree{one, other} {
		found := false
		for range 100 { // the kernel may leave one out while another one ends: see proc_pid_children(5)
			found = found || slices.Contains(tr.children(syscall.Getppid()), syscall.Getpid())
		}
		if !found {
			t.Errorf("this process is missing among its parent's children, by a scan: %v", tr.scan)
		}
	}
	if parent := parentOf(syscall.Getpid()); parent != syscall.Getppid() {
		t.Errorf("parent %d, want %d", parent, syscall.Getppid())
	}
	if name := nameOf(syscall.Getpid()); name == "" {
		t.Error("no name")
	}
}
