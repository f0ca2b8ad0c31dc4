package entry

import (
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	got, err := Parse("2025-03-01T08:00:01Z GET /items?page=2 200 12")
	if err != nil {
		t.Fatal(err)
	}
	want := Entry{time.Date(2025, 3, 1, 8, 0, 1, 0, time.UTC), "GET", "/items", 200, 12 * time.Millisecond}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	for line, want := range map[string]string{
		"":                                    "0 fields instead of 5",
		"today GET / 200 1":                   `"today" is not a time`,
		"2025-03-01T08:00:01Z GET / 99 1":     `"99" is not a status`,
		"2025-03-01T08:00:01Z GET / 200 fast": `"fast" is not a duration`,
	} {
		if _, err := Parse(line); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", line, err, want)
		}
	}
}

func TestReadAllSkipsEmptyLines(t *testing.T) {
	count := 0
	log := "\n2025-03-01T08:00:01Z GET / 200 1\n\n2025-03-01T08:00:02Z GET / 200 1\n"
	if err := ReadAll(strings.NewReader(log), func(Entry) { count++ }); err != nil || count != 2 {
		t.Errorf("%d entries, %v", count, err)
	}
}
