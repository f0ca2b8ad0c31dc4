package main

import (
	"strings"
	"testing"
)

func TestHiddenAverage(t *testing.T) {
	_, text, _ := runWith(t, sample)
	if !strings.Contains(text, "  average\n") || strings.Contains(text, "mean") {
		t.Errorf("text:\n%s", text)
	}
	code, json, _ := runWith(t, sample, "-format", "json")
	if code != 0 || !strings.Contains(json, "\"average\": 15000000\n") {
		t.Errorf("json:\n%s", json)
	}
}
