package render

import (
	"bytes"
	"testing"
	"time"

	"example.com/logtally/internal/tally"
)

var rows = []tally.Row{{Path: "/items", Requests: 3, Errors: 1, Mean: 87 * time.Millisecond}}

func TestText(t *testing.T) {
	var out bytes.Buffer
	if err := Text(&out, rows); err != nil {
		t.Fatal(err)
	}
	want := "    path  requests  errors  mean\n  /items         3       1  87ms\n"
	if out.String() != want {
		t.Errorf("got\n%q\nwant\n%q", out.String(), want)
	}
}

func TestJSON(t *testing.T) {
	var out bytes.Buffer
	if err := JSON(&out, rows); err != nil {
		t.Fatal(err)
	}
	want := "[\n  {\n    \"path\": \"/items\",\n    \"requests\": 3,\n    \"errors\": 1,\n    \"mean\": 87000000\n  }\n]\n"
	if out.String() != want {
		t.Errorf("got\n%s", out.String())
	}
}
