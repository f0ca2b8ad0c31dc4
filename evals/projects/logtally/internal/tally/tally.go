// Package tally counts requests by path.
package tally

import (
	"sort"
	"time"

	"example.com/logtally/internal/entry"
)

// Row is what is known of one path.
type Row struct {
	Path     string        `json:"path"`
	Requests int           `json:"requests"`
	Errors   int           `json:"errors"`
	Mean     time.Duration `json:"mean"`
}

type counter struct {
	requests int
	errors   int
	total    time.Duration
}

// Tally counts; make one with New.
type Tally struct {
	counters map[string]*counter
}

// New gives a tally that has counted nothing.
func New() *Tally {
	return &Tally{counters: map[string]*counter{}}
}

// Add counts one request.
func (t *Tally) Add(e entry.Entry) {
	found := t.counters[e.Path]
	if found == nil {
		found = &counter{}
		t.counters[e.Path] = found
	}
	found.requests++
	found.total += e.Duration
	if e.IsError() {
		found.errors++
	}
}

func (c *counter) row(path string) Row {
	return Row{Path: path, Requests: c.requests, Errors: c.errors, Mean: c.total / time.Duration(c.requests)}
}

// Top gives the paths with most requests, of equals the first by name; all of them for 0.
func (t *Tally) Top(limit int) []Row {
	rows := make([]Row, 0, len(t.counters))
	for path, found := range t.counters {
		rows = append(rows, found.row(path))
	}
	sort.Slice(rows, func(i, j int) bool {
		if rows[i].Requests != rows[j].Requests {
			return rows[i].Requests > rows[j].Requests
		}
		return rows[i].Path < rows[j].Path
	})
	if limit > 0 && limit < len(rows) {
		rows = rows[:limit]
	}
	return rows
}
