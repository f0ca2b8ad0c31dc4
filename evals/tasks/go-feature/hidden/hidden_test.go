package main

import (
	"strings"
	"testing"
)

func TestHiddenOutput(t *testing.T) {
	_, text, _ := runWith(t, sample)
	lines := strings.Split(text, "\n")
	if !strings.HasSuffix(lines[0], "  p95") || !strings.HasSuffix(lines[1], "  18ms") {
		t.Errorf("text:\n%s", text)
	}
	_, json, _ := runWith(t, sample, "-format", "json", "-top", "1")
	if !strings.HasSuffix(json, "\"p95\": 18000000\n  }\n]\n") {
		t.Errorf("json:\n%s", json)
	}
}
