package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func sample() *table {
	return &table{
		Go: "go1.26.8", System: "linux/amd64", CPUs: 2,
		Columns: []column{{Peer: "a", Version: "v1.0.0"}, {Peer: "b"}},
		Rows: []row{
			{"order", []cell{{Peer: "a", verdict: fine("LIFO")}, {Peer: "b", verdict: blemish("FIFO")}}},
			{"unregister", []cell{{Peer: "a", verdict: verdict{"-", absent}}, {Peer: "b", verdict: fine("yes")}}},
		},
	}
}

func TestMarkdown(t *testing.T) {
	const want = `| | a | b |
|---|---|---|
| order | LIFO | **FIFO** |
| unregister | - | yes |

Bold is what hurts; a dash stands for what a library does not have.
Observed with go1.26.8 on linux/amd64, 2 CPUs; a v1.0.0.
`
	var b strings.Builder
	if err := sample().markdown(&b); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestJSON(t *testing.T) {
	var b strings.Builder
	if err := sample().json(&b); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Rows []struct {
			Provocation string
			Cells       []struct{ Peer, Text, Mark string }
		}
	}
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil {
		t.Fatal(err)
	}
	if c := got.Rows[0].Cells[1]; c.Peer != "b" || c.Text != "FIFO" || c.Mark != "bad" {
		t.Errorf("second cell = %+v", c)
	}
}

func TestBlemishes(t *testing.T) {
	for peer, want := range map[string][]string{
		"a": {"unregister: -"},
		"b": {"order: FIFO"},
	} {
		if got := sample().blemishes(peer); !slices.Equal(got, want) {
			t.Errorf("blemishes(%q) = %q, want %q", peer, got, want)
		}
	}
}

func TestCaptureIsBounded(t *testing.T) {
	var c capture
	half := make([]byte, captured/2+1)
	for range 3 {
		if n, err := c.Write(half); n != len(half) || err != nil {
			t.Fatalf("Write = %d, %v; a child must not notice", n, err)
		}
	}
	if c.Len() != captured {
		t.Errorf("kept %d bytes, want %d", c.Len(), captured)
	}
}
