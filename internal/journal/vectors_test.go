package journal

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write testdata/vectors and the seeds of FuzzOpen anew")

const testSalt = 0x0123456789abcdef

// vectors are how the journals in testdata/vectors were made.
var vectors = map[string]func(t *testing.T, j *Journal){
	"empty": func(*testing.T, *Journal) {},
	"sync":  func(t *testing.T, j *Journal) { mustAppend(t, j, Record{Kind: "k", Name: "synced"}) },
	"records": func(t *testing.T, j *Journal) {
		mustAppend(t, j, Record{})
		mustAppend(t, j, fullRecord())
		mustAppend(t, j, Record{Kind: "k", Name: "three slots", Payload: bytes.Repeat([]byte("0123456789"), 60)})
	},
	"struck": func(t *testing.T, j *Journal) {
		ref := mustAppend(t, j, Record{Kind: "k", Name: "struck", Payload: []byte("stays in the file")})
		mustAppend(t, j, Record{Kind: "k", Name: "live"})
		fatal(t, j.Strike(ref))
	},
	"replaced": func(t *testing.T, j *Journal) {
		ref := mustAppend(t, j, Record{Kind: "k", Name: "r"})
		_, err := j.Replace(ref, &Record{Kind: "k", Name: "r", Attempts: 1, Tried: time.Unix(1, 2).UTC(), LastError: "timeout"})
		fatal(t, err)
	},
	"between": func(t *testing.T, j *Journal) { // killed before Replace came to clear the old one
		r := Record{Kind: "k", Name: "r"}
		ref := mustAppend(t, j, r)
		_, err := j.put(&Record{Kind: "k", Name: "r", Dead: true}, ref)
		fatal(t, err)
	},
	"torn": func(t *testing.T, j *Journal) {
		mustAppend(t, j, Record{Kind: "k", Name: "whole"})
		ref := mustAppend(t, j, Record{Kind: "k", Name: "torn", Payload: bytes.Repeat([]byte("t"), 300)})
		_, err := j.file.WriteAt(bytes.Repeat([]byte{1}, SlotSize), int64(ref.slot+1)*SlotSize)
		fatal(t, err)
	},
}

// build writes a vector's journal with a fixed ID and salt, and returns its bytes up to the last slot in use.
func build(t *testing.T, name string) []byte {
	t.Helper()
	o := fullOwner()
	o.ID = [16]byte{0xf0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	j, err := create(t.TempDir(), header{owner: o, salt: testSalt, sync: name == "sync"})
	fatal(t, err)
	vectors[name](t, j)
	fatal(t, j.Close())
	b, err := os.ReadFile(j.Path())
	fatal(t, err)
	for len(b) > headerSize && allZero(b[len(b)-SlotSize:]) {
		b = b[:len(b)-SlotSize]
	}
	return b
}

// describe is a journal in words.
func describe(o Owner, c Content) string {
	var b strings.Builder
	fields := func(v reflect.Value) {
		for i := range v.NumField() {
			fmt.Fprintf(&b, "    %s: %#v\n", v.Type().Field(i).Name, v.Field(i).Interface())
		}
	}
	b.WriteString("owner\n")
	fields(reflect.ValueOf(o))
	for _, e := range c.Entries {
		b.WriteString("record\n")
		fields(reflect.ValueOf(e.Record))
	}
	for _, d := range c.Damaged {
		b.WriteString("damage\n")
		fields(reflect.ValueOf(d))
	}
	return b.String()
}

// TestVectors: this is the format, byte by byte; a change of it is a new version.
func TestVectors(t *testing.T) {
	for name := range vectors {
		t.Run(name, func(t *testing.T) {
			built := build(t, name)
			file := filepath.Join("testdata", "vectors", name)
			o, c, err := Read(inFile(t, built))
			fatal(t, err)
			text := describe(o, c)
			if *update {
				fatal(t, os.MkdirAll(filepath.Dir(file), 0o755))
				fatal(t, os.WriteFile(file+".bin", built, 0o644))
				fatal(t, os.WriteFile(file+".txt", []byte(text), 0o644))
			}
			golden, err := os.ReadFile(file + ".bin")
			fatal(t, err)
			words, err := os.ReadFile(file + ".txt")
			fatal(t, err)
			if !bytes.Equal(built, golden) {
				t.Error("the bytes are others than in the vector")
			}
			o, c, err = Read(inFile(t, golden))
			fatal(t, err)
			if got := describe(o, c); got != string(words) {
				t.Errorf("the vector says\n%s\nwant\n%s", got, words)
			}
			checkReencoded(t, golden)
		})
	}
	for _, ext := range []string{"bin", "txt"} {
		files, err := filepath.Glob(filepath.Join("testdata", "vectors", "*."+ext))
		fatal(t, err)
		if len(files) != len(vectors) {
			t.Errorf("there are %d vectors and %d files %s", len(vectors), len(files), ext)
		}
	}
}

// checkReencoded encodes what a journal says, and compares with its bytes. It returns what was found.
func checkReencoded(t *testing.T, b []byte) *scan {
	t.Helper()
	s, err := scanFile(bytes.NewReader(b), int64(len(b)))
	fatal(t, err)
	page, err := s.encode()
	fatal(t, err)
	if !bytes.Equal(page, b[:headerSize]) {
		t.Error("the header is encoded otherwise than it was")
	}
	for _, f := range s.found {
		r, err := appendRecord(nil, &f.record)
		fatal(t, err)
		seal(r, len(r), s.salt, f.slot, f.record.ID, f.record.Revision)
		if old := b[f.slot*SlotSize:]; len(r) > len(old) || !bytes.Equal(r, old[:len(r)]) {
			t.Errorf("record %d is encoded otherwise than it was", f.record.ID)
		}
	}
	return s
}

// TestPage compares the tables in docs/journal-format.md with the constants: every field has a row with its offset and size.
func TestPage(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "journal-format.md"))
	fatal(t, err)
	page := string(b)
	type field struct{ offset, size int }
	want := []field{
		{0, len(magic)},
		{offVersion, 4},
		{offHeader, 4},
		{offSlot, 4},
		{offTexts, 4},
		{offID, 16},
		{offSalt, 8},
		{offNamespace, 8},
		{offStart, 8},
		{offPidfd, 8},
		{offCreated, 8},
		{offPid, 4},
		{offUID, 4},
		{offOptions, 4},
		{offBody, 0},
		{offSum, 4},
		{offMark, markSize},
		{offCheck, 4},
		{offLength, 4},
		{offRecordID, 8},
		{offRevision, 4},
		{offFlags, 4},
		{headSize, 0},
	}
	var got []field
	for _, row := range regexp.MustCompile(`(?m)^\| (\d+) \| (\d*) \| `).FindAllStringSubmatch(page, -1) {
		var f field
		_, _ = fmt.Sscan(row[1], &f.offset)
		_, _ = fmt.Sscan(row[2], &f.size)
		got = append(got, f)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the page has fields at\n%v, want\n%v", got, want)
	}
	for i, f := range want[:len(want)-1] { // the fields leave no gap; the texts and the body have any size
		if next := want[i+1].offset; f.size > 0 && next > 0 && f.offset+f.size != next {
			t.Errorf("the field at %d ends at %d, the next one begins at %d", f.offset, f.offset+f.size, next)
		}
	}
	for _, text := range []string{
		fmt.Sprintf("version %d", version), fmt.Sprintf("%d bytes", SlotSize), fmt.Sprintf("%d bytes", headerSize),
		fmt.Sprintf("%d bytes", MaxPayload), fmt.Sprintf("%d bytes", MaxRecord), fmt.Sprintf("%d bytes", maxLastError),
		fmt.Sprintf("%d bytes", maxCommand), fmt.Sprintf("at least %d one bits", minOnes), fmt.Sprintf("at most %d bits", nearly),
		fmt.Sprintf("first %d bytes", clearSize), Suffix, TempPrefix,
		fmt.Sprintf("| %d | Dead", flagDead), fmt.Sprintf("| %d | Last", flagLast), fmt.Sprintf("| %d | BestEffort", flagBestEffort),
	} {
		if !strings.Contains(page, text) {
			t.Errorf("the page does not say %q", text)
		}
	}
}
