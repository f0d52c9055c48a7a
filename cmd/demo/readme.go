package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
)

// block is a fenced ```console block: lines that begin with "$ " are commands
// (a "\" at the end of one continues it), the lines below each are what it printed.
var block = regexp.MustCompile("(?m)^```console\n((?:[^`].*\n|\n)*)```$")

// volatile is what differs from run to run: durations, rates, run ids, ports.
var volatile = regexp.MustCompile(`\d[\d,.]*( ?(ns|µs|ms|s|kB|KB|KiB|MB|GB|MiB|GiB|B|rows)/s| ?(ns|µs|ms|s|min)\b)|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}\b|"duration_ms": ?\d+|"run_id": ?"[^"]*"|127\.0\.0\.1:\d+` +
	// what the API says: ports, times, event ids
	`|"port":\d+|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z|\bid: \d+\.\d+|"seq":\d+|"next_cursor":"[^"]*"`)

// checkReadme runs the commands of path's console blocks one after another, in
// one database and one portal, and reports where the output pasted there is not what they
// print, or pastes it. A command that fails is shown as it fails: that it does
// may be the point.
func checkReadme(ctx context.Context, sh shell, path string, write bool, out io.Writer) (err error) {
	if sh.portal, err = startPortal(ctx, sh.bin); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sh.portal.stop()) }()
	sh.variables = new([]string)
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	commands, stale := 0, 0
	var failure error
	fresh := block.ReplaceAllStringFunc(string(text), func(found string) string {
		if failure != nil {
			return found
		}
		var replaced strings.Builder
		replaced.WriteString("```console\n")
		for _, step := range steps(block.FindStringSubmatch(found)[1]) {
			commands++
			printed, err := sh.run(ctx, step.command)
			if err != nil && printed == "" {
				failure = err
				return found
			}
			printed = strings.ReplaceAll(printed, sh.url, "$DATABASE_URL")
			if sh.portal != nil {
				printed = strings.ReplaceAll(printed, sh.portal.address, portalAddress)
			}
			if printed != "" && !strings.HasSuffix(printed, "\n") {
				printed += "\n"
			}
			if same(step.printed, printed) {
				printed = step.printed
			} else {
				stale++
				fmt.Fprintf(out, "$ %s\n--- pasted\n%s+++ printed\n%s", step.command, step.printed, printed)
			}
			fmt.Fprintf(&replaced, "$ %s\n%s", step.asWritten, printed)
		}
		replaced.WriteString("```")
		return replaced.String()
	})
	switch {
	case failure != nil:
		return failure
	case commands == 0:
		return fmt.Errorf("%s has no console block with a command", path)
	case stale == 0:
		fmt.Fprintf(out, "%s: %d commands print what is pasted there\n", path, commands)
		return nil
	case write:
		return os.WriteFile(path, []byte(fresh), 0o644) //nolint:gosec // a README is for everyone to read
	default:
		return fmt.Errorf("%s: %d of %d commands print something else than is pasted there; `make readme` pastes it anew", path, stale, commands)
	}
}

// step is a command of a console block and what is pasted below it.
type step struct {
	asWritten, command, printed string
}

// steps takes a console block apart; text before the first command is dropped.
func steps(text string) []step {
	var all []step
	continued := false
	for line := range strings.Lines(text) {
		switch command, isCommand := strings.CutPrefix(line, "$ "); {
		case isCommand:
			all = append(all, step{asWritten: command})
			continued = strings.HasSuffix(command, "\\\n")
		case len(all) == 0:
		case continued:
			all[len(all)-1].asWritten += line
			continued = strings.HasSuffix(line, "\\\n")
		default:
			all[len(all)-1].printed += line
		}
	}
	for i := range all {
		all[i].asWritten = strings.TrimSuffix(all[i].asWritten, "\n")
		all[i].command = strings.ReplaceAll(all[i].asWritten, "\\\n", "")
	}
	return all
}

// same is true where two outputs differ in nothing but what differs from run to run.
func same(a, b string) bool {
	return volatile.ReplaceAllString(a, "#") == volatile.ReplaceAllString(b, "#")
}
