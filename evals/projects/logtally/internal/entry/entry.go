// Package entry reads the lines of an access log.
package entry

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Entry is one request.
type Entry struct {
	At       time.Time
	Method   string
	Path     string
	Status   int
	Duration time.Duration
}

// IsError tells whether the server failed.
func (e Entry) IsError() bool {
	return e.Status >= 500
}

// Parse reads one line.
func Parse(line string) (Entry, error) {
	fields := strings.Fields(line)
	if len(fields) != 5 {
		return Entry{}, fmt.Errorf("%d fields instead of 5", len(fields))
	}
	at, err := time.Parse(time.RFC3339, fields[0])
	if err != nil {
		return Entry{}, fmt.Errorf("%q is not a time", fields[0])
	}
	status, err := strconv.Atoi(fields[3])
	if err != nil || status < 100 || status > 599 {
		return Entry{}, fmt.Errorf("%q is not a status", fields[3])
	}
	milliseconds, err := strconv.Atoi(fields[4])
	if err != nil || milliseconds < 0 {
		return Entry{}, fmt.Errorf("%q is not a duration", fields[4])
	}
	path, _, _ := strings.Cut(fields[2], "?")
	return Entry{at, fields[1], path, status, time.Duration(milliseconds) * time.Millisecond}, nil
}

// ReadAll hands every entry of a log on. Empty lines are skipped; the first bad line ends it.
func ReadAll(log io.Reader, add func(Entry)) error {
	lines := bufio.NewScanner(log)
	for number := 1; lines.Scan(); number++ {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		found, err := Parse(lines.Text())
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		add(found)
	}
	return lines.Err()
}
