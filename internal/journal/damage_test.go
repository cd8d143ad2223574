package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// journalBytes is a journal with records of 1, 3 and 1 slots, without what follows the last.
func journalBytes(t *testing.T) []byte {
	t.Helper()
	j := newTestJournal(t, Options{})
	mustAppend(t, j, Record{Name: "a", Kind: "k"})
	mustAppend(t, j, Record{Name: "b", Kind: "k", Payload: bytes.Repeat([]byte("p"), 600)})
	mustAppend(t, j, Record{Name: "c", Kind: "k"})
	b, err := os.ReadFile(j.Path())
	fatal(t, err)
	return b[:headerSize+(1+3+1+3)*SlotSize] // c lies beside a: b's run begins at 4
}

// readBytes is Read on bytes.
func readBytes(t *testing.T, b []byte) (Content, error) {
	t.Helper()
	s, err := scanFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return Content{}, err
	}
	c := Content{}
	for _, f := range s.newest() {
		c.Entries = append(c.Entries, Entry{Record: f.record})
	}
	c.Damaged = s.damaged
	return c, nil
}

// TestTruncated cuts a journal after every byte: what is there whole is found, what is cut is damaged, and nothing else is.
func TestTruncated(t *testing.T) {
	whole := journalBytes(t)
	full, err := readBytes(t, whole)
	fatal(t, err)
	checkList(t, full, "1.1 a", "2.1 b", "3.1 c")
	s, err := scanFile(bytes.NewReader(whole), int64(len(whole)))
	fatal(t, err)
	for n := range whole {
		c, err := readBytes(t, whole[:n])
		if n < headerSize {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrNotJournal) {
				t.Fatalf("%d bytes: %v", n, err)
			}
			continue
		}
		fatal(t, err)
		for _, f := range s.found {
			begins := int(f.slot) * SlotSize
			length := int(binary.LittleEndian.Uint32(whole[begins+offLength:]))
			found := slices.ContainsFunc(c.Entries, func(e Entry) bool { return e.Record.ID == f.record.ID })
			damaged := slices.ContainsFunc(c.Damaged, func(d Damage) bool { return d.Offset == int64(begins) })
			if found != (n >= begins+length) || damaged != (n >= begins+markSize && n < begins+length) {
				t.Fatalf("%d bytes, record %d of %d to %d: found %v, damaged %v", n, f.record.ID, begins, begins+length, found, damaged)
			}
		}
	}
}

// TestFlipped changes every bit: what is found then is what was there, and what is lost is told.
func TestFlipped(t *testing.T) {
	whole := journalBytes(t)
	full, err := readBytes(t, whole)
	fatal(t, err)
	for bit := range len(whole) * 8 {
		whole[bit/8] ^= 1 << (bit % 8)
		c, err := readBytes(t, whole)
		whole[bit/8] ^= 1 << (bit % 8)
		if bit/8 < headerSize {
			if err == nil {
				t.Fatalf("bit %d of byte %d in the header is not checked", bit%8, bit/8)
			}
			continue
		}
		fatal(t, err)
		if len(c.Entries)+len(c.Damaged) != len(full.Entries) {
			t.Fatalf("bit %d of byte %d: %s", bit%8, bit/8, list(c))
		}
		for _, e := range c.Entries {
			if i := slices.IndexFunc(full.Entries, func(f Entry) bool { return f.Record.ID == e.Record.ID }); i < 0 {
				t.Fatalf("bit %d of byte %d made record %d", bit%8, bit/8, e.Record.ID)
			} else {
				checkEqual(t, e.Record, full.Entries[i].Record)
			}
		}
	}
}

// TestHeaders: what is no journal of this version is told apart.
func TestHeaders(t *testing.T) {
	h := header{owner: fullOwner(), salt: newSalt()}
	good, err := h.encode()
	fatal(t, err)
	change := func(f func(b []byte)) []byte {
		b := slices.Clone(good)
		f(b)
		binary.LittleEndian.PutUint32(b[offSum:], crc32.Checksum(b[:offSum], castagnoli()))
		return b
	}
	for name, c := range map[string]struct {
		b    []byte
		want error
		text string
	}{
		"empty":        {nil, ErrCorrupt, "it is empty"},
		"zeros":        {make([]byte, 8192), ErrCorrupt, "it is empty"},
		"text":         {[]byte("#!/bin/sh and so on"), ErrNotJournal, "begins otherwise"},
		"cut":          {good[:100], ErrCorrupt, "100 bytes of 4096"},
		"version":      {change(func(b []byte) { b[offVersion] = 2 }), ErrVersion, "version 2, known is 1"},
		"header size":  {change(func(b []byte) { b[offHeader]++ }), ErrCorrupt, "other sizes"},
		"slot size":    {change(func(b []byte) { b[offSlot+1]++ }), ErrCorrupt, "other sizes"},
		"salt":         {change(func(b []byte) { clear(b[offSalt : offSalt+8]) }), ErrCorrupt, "salt"},
		"pid":          {change(func(b []byte) { b[offPid+3] = 0x80 }), ErrCorrupt, "pid is negative"},
		"options":      {change(func(b []byte) { b[offOptions] = 2 }), ErrCorrupt, "unknown flags 0x2"},
		"texts":        {change(func(b []byte) { b[offTexts]++ }), ErrCorrupt, "bytes are left"},
		"long texts":   {change(func(b []byte) { b[offTexts+3]++ }), ErrCorrupt, "another length"},
		"behind texts": {change(func(b []byte) { b[offSum-1]++ }), ErrCorrupt, "another length"},
		"text lengths": {change(func(b []byte) { b[offBody] = 0xff }), ErrCorrupt, "are announced"},
		"overlong":     {change(func(b []byte) { b[offBody] |= 0x80; b[offBody+1] = 0 }), ErrCorrupt, "more bytes than it needs"},
	} {
		_, err := readBytes(t, c.b)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %v with %q", name, err, c.want, c.text)
		}
	}
}

// sealed is a journal of one slot or more with these bytes as a record's body.
func sealed(t *testing.T, body []byte, change func(head []byte)) []byte {
	t.Helper()
	h := header{owner: fullOwner(), salt: newSalt()}
	b, err := h.encode()
	fatal(t, err)
	r := append(make([]byte, headSize), body...)
	binary.LittleEndian.PutUint32(r[offLength:], uint32(len(r)))
	seal(r, len(r), h.salt, headerSize/SlotSize, 1, 1)
	if change != nil {
		change(r)
		binary.LittleEndian.PutUint32(r[offCheck:], checksum(r, headerSize/SlotSize))
	}
	return append(b, r...)
}

// TestHostileRecords have a good checksum and bad contents.
func TestHostileRecords(t *testing.T) {
	body, err := appendRecord(nil, &Record{Name: "n", Uses: []string{"u"}, Scopes: []Scope{{ID: 1, Name: "s"}}, Payload: []byte("p")})
	fatal(t, err)
	body = body[headSize:]
	c, err := readBytes(t, sealed(t, body, nil))
	fatal(t, err)
	checkList(t, c, "1.1 n")
	with := func(at int, v ...byte) []byte { return append(append(slices.Clone(body[:at]), v...), body[at+1:]...) }
	for name, c := range map[string]struct {
		b    []byte
		text string
	}{
		"flags":     {sealed(t, body, func(h []byte) { h[offFlags] = 8 }), "unknown flags 0x8"},
		"no ID":     {sealed(t, body, func(h []byte) { h[offRecordID] = 0 }), "is 0"},
		"revision":  {sealed(t, body, func(h []byte) { h[offRevision] = 0 }), "is 0"},
		"no body":   {sealed(t, nil, nil), "ends inside a number"},
		"left":      {sealed(t, append(slices.Clone(body), 0), nil), "1 bytes are left"},
		"attempts":  {sealed(t, with(0, 0xff, 0xff, 0xff, 0xff, 0x0f), nil), "greater than 2147483647"},
		"overlong":  {sealed(t, with(0, 0x80, 0x00), nil), "more bytes than it needs"},
		"number":    {sealed(t, with(1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f), nil), "greater"},
		"kind":      {sealed(t, with(4, 0xff, 0xff, 0x03), nil), "65535 things are announced"},
		"error":     {sealed(t, slices.Concat(body[:8], []byte{0x81, 0x04}, make([]byte, 600)), nil), "513 bytes, the most is 512"},
		"uses":      {sealed(t, with(9, 0xff, 0xff, 0xff, 0xff, 0x07), nil), "are announced"},
		"scopes":    {sealed(t, with(12, 0x04), nil), "4 things are announced where 7 bytes"},
		"scope bit": {sealed(t, with(14, 0x04), nil), "unknown flags 0x4"},
		"payload":   {sealed(t, with(len(body)-2, 0x7f), nil), "are announced"},
		"length":    {sealed(t, body, func(h []byte) { h[offLength+3] = 1 }), "its length is 167"},
		"too long":  {sealed(t, make([]byte, 5*MaxRecord), nil), "possible are 32 to 131072"},
		"short":     {sealed(t, body, func(h []byte) { h[offLength] = 31 }), "its length is 31"},
		"cut":       {sealed(t, body, func(h []byte) { h[offLength]++ }), "bytes left"},
	} {
		got, err := readBytes(t, c.b)
		fatal(t, err)
		if len(got.Entries) > 0 || len(got.Damaged) != 1 || !strings.Contains(got.Damaged[0].Why, c.text) {
			t.Errorf("%s: %+v, want damage with %q", name, got, c.text)
		}
	}
}

// TestRevisions: of several, the newest that verifies counts; the others don't come back when it is struck.
func TestRevisions(t *testing.T) {
	j := newTestJournal(t, Options{})
	for i, name := range []string{"a", "b", "c", "d"} {
		checkEqual(t, mustAppend(t, j, Record{Name: name}).id, uint64(i+1))
	}
	b, err := os.ReadFile(j.Path())
	fatal(t, err)
	put := func(slot uint32, id uint64, revision uint32, name string, torn byte) {
		r, err := appendRecord(nil, &Record{Name: name})
		fatal(t, err)
		seal(r, len(r), j.salt, slot, id, revision)
		r[len(r)-1] ^= torn
		copy(b[slot*SlotSize:], r)
	}
	put(40, 1, 2, "newer", 0)
	put(41, 2, 2, "torn", 1)
	put(42, 3, 3, "newest", 0)
	put(43, 3, 2, "between", 0)
	put(44, 4, 1, "double", 0)
	path := inFile(t, b)
	want := []string{"1.2 newer", "2.1 b", "3.3 newest", "4.1 d", "damaged 10496", "damaged 11264"}
	_, c, err := Read(path)
	fatal(t, err)
	checkList(t, c, want...)
	k, c := mustOpen(t, path)
	checkList(t, c, want...)
	for _, e := range c.Entries {
		fatal(t, k.Strike(e.Ref))
	}
	checkEqual(t, k.Live(), 0)
	_, c = orphan(t, k)
	checkList(t, c, "damaged 10496") // the torn one stays as it was
}

// TestDamagedStays: a settler's Replace does not use a damaged slot again.
func TestDamagedStays(t *testing.T) {
	b := sealed(t, []byte{1}, nil)
	h, err := decodeHeader(b)
	fatal(t, err)
	r, err := appendRecord(nil, &Record{Name: "a"})
	fatal(t, err)
	seal(r, len(r), h.salt, 17, 2, 1)
	b = append(append(b, make([]byte, 17*SlotSize-len(b))...), r...)
	j, c := mustOpen(t, inFile(t, b))
	checkList(t, c, "2.1 a", "damaged 4096")
	ref := c.Entries[0].Ref
	for range 1000 {
		ref, err = j.Replace(ref, &Record{Name: "a"})
		fatal(t, err)
	}
	_, c = orphan(t, j)
	checkList(t, c, "2.1001 a", "damaged 4096")
}

// TestQuiet: what one scan missed or saw half written is in another; when nobody writes, one is enough.
func TestQuiet(t *testing.T) {
	whole := journalBytes(t)
	half := slices.Clone(whole) // a is torn, c is somewhere else
	half[headerSize+offLength]++
	clear(half[headerSize+SlotSize:][:clearSize])
	long := time.Now().Add(-time.Hour)
	for _, c := range []struct {
		name    string
		changed []time.Time // the last one for good
		files   [][]byte
		scans   int
		want    []string
	}{
		{"quiet", []time.Time{long}, [][]byte{half}, 1, []string{"2.1 b", "damaged 4096"}},
		{"busy", []time.Time{time.Now().Add(time.Hour)}, [][]byte{half, whole, half}, 12, []string{"1.1 a", "2.1 b", "3.1 c"}},
		{"coarse", []time.Time{time.Now(), time.Now(), long}, [][]byte{half, whole}, 2, []string{"1.1 a", "2.1 b", "3.1 c"}},
		{"then quiet", []time.Time{long, long.Add(1)}, [][]byte{whole, half}, 2, []string{"2.1 b", "damaged 4096"}},
	} {
		scans := 0
		s, err := scanQuiet(func() (time.Time, error) {
			at := c.changed[0]
			if len(c.changed) > 1 {
				c.changed = c.changed[1:]
			}
			return at, nil
		}, func() (*scan, error) {
			b := c.files[min(scans, len(c.files)-1)]
			scans++
			return scanFile(bytes.NewReader(b), int64(len(b)))
		})
		fatal(t, err)
		if scans != c.scans {
			t.Errorf("%s: %d scans, want %d", c.name, scans, c.scans)
		}
		var content Content
		for _, f := range s.newest() {
			content.Entries = append(content.Entries, Entry{Record: f.record})
		}
		content.Damaged = s.damages()
		checkList(t, content, c.want...)
	}
}

func TestRefused(t *testing.T) {
	whole := journalBytes(t)
	path := inFile(t, whole)
	link := filepath.Join(t.TempDir(), "link")
	fatal(t, os.Symlink(path, link))
	folder := filepath.Join(t.TempDir(), "folder")
	fatal(t, os.Mkdir(folder, 0o700))
	for _, p := range []string{link, folder} {
		_, _, open := Open(p)
		_, _, read := Read(p)
		for _, err := range []error{open, read} {
			if !errors.Is(err, ErrNotJournal) || !strings.Contains(err.Error(), p) {
				t.Errorf("%s: %v", p, err)
			}
		}
	}
	if _, _, err := Open(path + ".not"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Open of nothing: %v", err)
	}
	if _, err := Create(folder+".not", Owner{}, Options{}); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "create the folder") {
		t.Errorf("Create in no folder: %v", err)
	}
}
