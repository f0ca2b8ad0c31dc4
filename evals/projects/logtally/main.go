// Command logtally sums up the access log of a web server.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"example.com/logtally/internal/entry"
	"example.com/logtally/internal/render"
	"example.com/logtally/internal/tally"
)

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("logtally", flag.ContinueOnError)
	flags.SetOutput(stderr)
	format := flags.String("format", "text", "text or json")
	top := flags.Int("top", 10, "paths to show, 0 for all")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	write, err := render.ByName(*format)
	if err != nil {
		fmt.Fprintln(stderr, "logtally:", err)
		return 2
	}
	counts := tally.New()
	for _, input := range inputs(flags.Args(), stdin) {
		if err := input.read(counts); err != nil {
			fmt.Fprintln(stderr, "logtally:", err)
			return 1
		}
	}
	if err := write(stdout, counts.Top(*top)); err != nil {
		fmt.Fprintln(stderr, "logtally:", err)
		return 1
	}
	return 0
}

// input is a log that is opened when it is read.
type input struct {
	name string
	open func() (io.ReadCloser, error)
}

func inputs(names []string, stdin io.Reader) []input {
	if len(names) == 0 {
		return []input{{"standard input", func() (io.ReadCloser, error) { return io.NopCloser(stdin), nil }}}
	}
	all := make([]input, 0, len(names))
	for _, name := range names {
		name := name
		all = append(all, input{name, func() (io.ReadCloser, error) { return os.Open(name) }})
	}
	return all
}

func (in input) read(counts *tally.Tally) error {
	file, err := in.open()
	if err != nil {
		return err
	}
	defer file.Close()
	if err := entry.ReadAll(file, counts.Add); err != nil {
		return fmt.Errorf("%s: %w", in.name, err)
	}
	return nil
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
