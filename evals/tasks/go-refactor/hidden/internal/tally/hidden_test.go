package tally

import (
	"os"
	"regexp"
	"sync"
	"testing"

	"example.com/logtally/internal/entry"
)

func TestHiddenTalliesAreApart(t *testing.T) {
	var wait sync.WaitGroup
	for n := 1; n <= 8; n++ {
		n := n
		wait.Add(1)
		go func() {
			defer wait.Done()
			counts := New()
			for i := 0; i < n; i++ {
				counts.Add(entry.Entry{Path: "/x", Status: 200})
			}
			if got := counts.Top(0)[0].Requests; got != n {
				t.Errorf("got %d, want %d", got, n)
			}
		}()
	}
	wait.Wait()
}

func TestHiddenNoGlobals(t *testing.T) {
	text, err := os.ReadFile("tally.go")
	if err != nil {
		t.Fatal(err)
	}
	if regexp.MustCompile(`(?m)^var |func Reset`).Match(text) {
		t.Error("tally.go still has a package variable or Reset")
	}
}
