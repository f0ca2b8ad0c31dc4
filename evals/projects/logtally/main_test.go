package main

import (
	"bytes"
	"strings"
	"testing"
)

const sample = `2025-03-01T08:00:01Z GET /items 200 12
2025-03-01T08:00:02Z GET /items 500 18
2025-03-01T08:00:03Z POST /orders 201 85
`

func runWith(t *testing.T, stdin string, args ...string) (int, string, string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(args, strings.NewReader(stdin), &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func TestRunText(t *testing.T) {
	code, out, errors := runWith(t, sample, "-top", "1")
	if code != 0 || errors != "" {
		t.Fatalf("code %d, errors %q", code, errors)
	}
	if !strings.Contains(out, "/items") || strings.Contains(out, "/orders") {
		t.Errorf("not the busiest path alone:\n%s", out)
	}
}

func TestRunNamesTheBadLine(t *testing.T) {
	code, _, errors := runWith(t, sample+"nonsense\n")
	if code != 1 || errors != "logtally: standard input: line 4: 1 fields instead of 5\n" {
		t.Errorf("code %d, errors %q", code, errors)
	}
}

func TestRunRefusesUnknownFormats(t *testing.T) {
	code, _, errors := runWith(t, sample, "-format", "yaml")
	if code != 2 || !strings.Contains(errors, `unknown format "yaml" (known: json, text)`) {
		t.Errorf("code %d, errors %q", code, errors)
	}
}
