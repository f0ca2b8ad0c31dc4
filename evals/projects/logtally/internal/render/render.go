// Package render writes the rows of a tally.
package render

import (
	"encoding/json"
	"fmt"
	"io"
	"sort"
	"strings"
	"text/tabwriter"

	"example.com/logtally/internal/tally"
)

// Renderer writes rows.
type Renderer func(out io.Writer, rows []tally.Row) error

var renderers = map[string]Renderer{"text": Text, "json": JSON}

// ByName gives the renderer of a format.
func ByName(name string) (Renderer, error) {
	found, ok := renderers[name]
	if !ok {
		known := make([]string, 0, len(renderers))
		for each := range renderers {
			known = append(known, each)
		}
		sort.Strings(known)
		return nil, fmt.Errorf("unknown format %q (known: %s)", name, strings.Join(known, ", "))
	}
	return found, nil
}

// Text writes a table for people.
func Text(out io.Writer, rows []tally.Row) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "path\trequests\terrors\tmean\t")
	for _, row := range rows {
		fmt.Fprintf(table, "%s\t%d\t%d\t%s\t\n", row.Path, row.Requests, row.Errors, row.Mean)
	}
	return table.Flush()
}

// JSON writes an array; times are nanoseconds.
func JSON(out io.Writer, rows []tally.Row) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(rows)
}
