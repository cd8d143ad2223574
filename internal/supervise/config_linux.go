package supervise

import "syscall"

// A Config is what a supervisor has to know of its command. The supervisor inherits the command's files at their numbers, and its
// working folder.
type Config struct {
	Path      string
	Dir       string
	Args, Env []string
	Files     []bool // the command's descriptors, by number: false is closed
	Attr      syscall.SysProcAttr
	Signals   Signals
	GraceMS   int // between SIGTERM and SIGKILL, once the owner is gone

	Stops bool // stop the owner when the command stops, and let both go on together
	LetGo bool // leave alone what has left the session that the supervisor is in
}

// Signals are what a process passes on to one that it starts: sets of signals, of which number n is bit n-1.
type Signals struct {
	Blocked, Ignored uint64
}

// Encode is the first thing that goes over the control socket. Of Attr it has what the supervisor can do: not Ptrace, PidFD and
// Pdeathsig. CgroupFD and, with Foreground, Ctty are descriptors of the supervisor.
func (c *Config) Encode() []byte {
	const usual = 1 << 13 // growing from nothing would cost more than all the rest
	text := appendNumber(make([]byte, 0, usual), 0)
	text = appendText(text, c.Path)
	text = appendText(text, c.Dir)
	text = appendTexts(text, c.Args)
	text = appendTexts(text, c.Env)
	text = appendNumber(text, uint64(len(c.Files)))
	text = appendBools(text, c.Files...)
	for _, n := range []uint64{uint64(c.GraceMS), c.Signals.Blocked, c.Signals.Ignored} {
		text = appendNumber(text, n)
	}
	text = appendBools(text, c.Stops, c.LetGo)
	text = appendAttr(text, &c.Attr)
	_ = appendNumber(text[:0], uint64(len(text)-8))
	return text
}

func decode(text []byte) (c *Config, ok bool) {
	d := decoder{rest: text}
	c = &Config{
		Path: d.text(), Dir: d.text(), Args: d.texts(), Env: d.texts(),
		Files: d.bools(), GraceMS: d.int(), Signals: Signals{Blocked: d.number(), Ignored: d.number()},
	}
	c.Stops, c.LetGo = d.bool(), d.bool()
	d.attr(&c.Attr)
	return c, !d.bad && len(d.rest) == 0
}

func appendAttr(text []byte, a *syscall.SysProcAttr) []byte {
	text = appendText(text, a.Chroot)
	text = appendBools(text, a.Setsid, a.Setpgid, a.Setctty, a.Noctty, a.Foreground, a.GidMappingsEnableSetgroups, a.UseCgroupFD)
	for _, n := range []uint64{uint64(int64(a.Ctty)), uint64(int64(a.Pgid)), uint64(a.Cloneflags), uint64(a.Unshareflags), uint64(int64(a.CgroupFD))} {
		text = appendNumber(text, n)
	}
	text = appendMappings(text, a.UidMappings)
	text = appendMappings(text, a.GidMappings)
	text = appendNumber(text, uint64(len(a.AmbientCaps)))
	for _, c := range a.AmbientCaps {
		text = appendNumber(text, uint64(c))
	}
	text = appendBools(text, a.Credential != nil)
	if a.Credential != nil {
		text = appendCredential(text, a.Credential)
	}
	return text
}

func appendBools(text []byte, list ...bool) []byte {
	for _, b := range list {
		n := uint64(0)
		if b {
			n = 1
		}
		text = appendNumber(text, n)
	}
	return text
}

func appendCredential(text []byte, c *syscall.Credential) []byte {
	text = appendNumber(text, uint64(c.Uid))
	text = appendNumber(text, uint64(c.Gid))
	text = appendBools(text, c.NoSetGroups)
	text = appendNumber(text, uint64(len(c.Groups)))
	for _, g := range c.Groups {
		text = appendNumber(text, uint64(g))
	}
	return text
}

// appendMappings: no mappings are not the same as an empty list.
func appendMappings(text []byte, list []syscall.SysProcIDMap) []byte {
	text = appendBools(text, list != nil)
	text = appendNumber(text, uint64(len(list)))
	for _, m := range list {
		for _, n := range []int{m.ContainerID, m.HostID, m.Size} {
			text = appendNumber(text, uint64(int64(n)))
		}
	}
	return text
}

func (d *decoder) attr(a *syscall.SysProcAttr) {
	a.Chroot = d.text()
	for _, b := range []*bool{&a.Setsid, &a.Setpgid, &a.Setctty, &a.Noctty, &a.Foreground, &a.GidMappingsEnableSetgroups, &a.UseCgroupFD} {
		*b = d.bool()
	}
	a.Ctty, a.Pgid = d.int(), d.int()
	a.Cloneflags, a.Unshareflags = uintptr(d.number()), uintptr(d.number())
	a.CgroupFD = d.int()
	a.UidMappings, a.GidMappings = d.mappings(), d.mappings()
	for range d.count() {
		a.AmbientCaps = append(a.AmbientCaps, uintptr(d.number()))
	}
	if d.bool() {
		c := &syscall.Credential{Uid: uint32(d.number()), Gid: uint32(d.number()), NoSetGroups: d.bool()}
		for range d.count() {
			c.Groups = append(c.Groups, uint32(d.number()))
		}
		a.Credential = c
	}
}

func (d *decoder) mappings() (list []syscall.SysProcIDMap) {
	if d.bool() {
		list = []syscall.SysProcIDMap{}
	}
	for range d.count() {
		list = append(list, syscall.SysProcIDMap{ContainerID: d.int(), HostID: d.int(), Size: d.int()})
	}
	return list
}
