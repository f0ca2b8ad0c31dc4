package tally

import (
	"testing"
	"time"
)

func TestHiddenPercentile(t *testing.T) {
	for _, each := range []struct {
		requests int
		want     int
	}{{1, 1}, {2, 2}, {19, 19}, {20, 19}, {21, 20}, {40, 38}, {100, 95}, {101, 96}} {
		counts := New()
		for n := each.requests; n >= 1; n-- {
			counts.Add(request("/x", 200, n))
		}
		if got := counts.Top(1)[0].P95; got != time.Duration(each.want)*time.Millisecond {
			t.Errorf("%d requests: got %s, want %dms", each.requests, got, each.want)
		}
	}
}
