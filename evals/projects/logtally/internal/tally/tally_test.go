package tally

import (
	"reflect"
	"testing"
	"time"

	"example.com/logtally/internal/entry"
)

func request(path string, status int, milliseconds int) entry.Entry {
	return entry.Entry{Method: "GET", Path: path, Status: status, Duration: time.Duration(milliseconds) * time.Millisecond}
}

func filled() *Tally {
	counts := New()
	for _, each := range []entry.Entry{
		request("/b", 200, 10), request("/a", 200, 30), request("/b", 503, 20), request("/c", 404, 1),
	} {
		counts.Add(each)
	}
	return counts
}

func TestTopCountsByPath(t *testing.T) {
	want := Row{Path: "/b", Requests: 2, Errors: 1, Mean: 15 * time.Millisecond}
	if got := filled().Top(1); len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestTopOrdersEqualsByName(t *testing.T) {
	names := []string{}
	for _, row := range filled().Top(0) {
		names = append(names, row.Path)
	}
	if want := []string{"/b", "/a", "/c"}; !reflect.DeepEqual(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
}

func TestAnEmptyTally(t *testing.T) {
	if rows := New().Top(3); len(rows) != 0 {
		t.Errorf("got %v", rows)
	}
}
