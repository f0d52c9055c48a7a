// Command etlportal loads CSV files into PostgreSQL, and shows what is in them.
//
// Exit codes: 0 done; 1 the run failed; 2 bad usage or input; 3 the destination cannot be reached.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/etlportal/etlportal/internal/etl"
)

// version is set by the linker.
var version = "dev"

const (
	exitDone = iota
	exitFailed
	exitUsage
	exitUnreachable
)

func main() { os.Exit(execute(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// streams are where a command reads and writes; a test has its own.
type streams struct {
	in       *os.File
	out, err io.Writer
}

// execute runs one command line and gives its exit code.
func execute(args []string, in *os.File, out, errOut io.Writer) (code int) {
	// A reader of our output that goes away is an error of Write, not a signal that ends us mid-transaction.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(errOut, "etlportal: internal error: %v. Please report it with the command that you ran; nothing was loaded\n", p)
			if os.Getenv("ETLPORTAL_DEBUG") != "" {
				fmt.Fprintf(errOut, "%s", debug.Stack())
			}
			code = exitFailed
		}
	}()
	root := newRoot(streams{in, out, errOut})
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	if errors.Is(err, syscall.EPIPE) {
		return exitDone
	}
	if !errors.Is(err, errReported) {
		if wantsJSON(args) {
			err = errors.Join(err, json.NewEncoder(out).Encode(failureJSON{"FAILED", newErrorJSON(ctx, err)}))
		}
		fmt.Fprintln(errOut, "etlportal: "+errorLine(ctx, err))
	}
	return exitCode(ctx, err)
}

// keepSmall sets a low ceiling for memory. Much of a load's garbage is
// short-lived row memory of fixed size, so it costs little and keeps the
// process small beside the database.
func keepSmall() { debug.SetMemoryLimit(80 << 20) }

// failureJSON is what a command prints that failed before it had anything else to say.
type failureJSON struct {
	Status string     `json:"status"`
	Error  *errorJSON `json:"error"`
}

// wantsJSON says whether a command line asks for JSON; it may be one that cannot be parsed.
func wantsJSON(args []string) bool {
	for i, a := range args {
		if a == "--format=json" || a == "--format" && i+1 < len(args) && args[i+1] == "json" {
			return len(args) > 0 && (args[0] == "load" || args[0] == "inspect")
		}
	}
	return false
}

// errReported marks an error that the command has already shown.
var errReported = errors.New("reported")

// errorLine is an error as one line.
func errorLine(ctx context.Context, err error) string {
	e, known := errors.AsType[*etl.Error](err)
	switch {
	case ctx.Err() != nil && (!known || e.Kind == etl.Weather || e.Kind == etl.Internal):
		return "interrupted; the destination is as it was"
	case known:
		return redact(strings.ReplaceAll(e.Error(), "\n", "\n  "))
	case errors.Is(err, syscall.ENOSPC):
		return "the output cannot be written: no space left on the device. Free some space or write elsewhere"
	}
	return redact(strings.ReplaceAll(err.Error(), "\n", "; "))
}

// password is that of a URL, wherever one was given by mistake.
var password = regexp.MustCompile(`(://[^:/@\s]*:)[^@\s]*@`)

func redact(s string) string { return password.ReplaceAllString(s, "${1}***@") }

// unreachable are the codes of failures that pass and are about reaching the destination.
var unreachable = map[etl.Code]bool{
	"unknown_host": true, "connection_refused": true, "connect_timeout": true, "unreachable": true, "not_postgresql": true, "connection_failed": true,
	"connection_lost": true, "commit_unknown": true, "server_unavailable": true, "too_many_connections": true,
}

func exitCode(ctx context.Context, err error) int {
	if e, ok := errors.AsType[*etl.Error](err); ok {
		switch e.Kind {
		case etl.Mistake:
			return exitUsage
		case etl.Weather:
			if ctx.Err() == nil && unreachable[e.Code] {
				return exitUnreachable
			}
			return exitFailed
		case etl.Internal, etl.Refused:
			return exitFailed
		}
	}
	if _, ok := errors.AsType[*usageError](err); ok {
		return exitUsage
	}
	return exitFailed
}

// usageError is a command line that makes no sense.
type usageError struct{ msg string }

func (e *usageError) Error() string { return e.msg }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

func newRoot(s streams) *cobra.Command {
	root := &cobra.Command{
		Use:           "etlportal",
		Short:         "Load CSV files into PostgreSQL: typed, mapped, verified, all or nothing",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          known,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%v. See: %s --help", err, cmd.CommandPath())
	})
	root.AddCommand(newLoad(s), newInspect(s), newCat(s), newSchema(s), newVersion(s),
		newServe(s), newFinalize(s), newWarehouse(s), newMigrate(s), newToken(s), newKeys(s), newOpenAPI(s), newHealthcheck(s))
	return root
}

// known refuses a word that is no command.
func known(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	fix := "See: " + cmd.CommandPath() + " --help"
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		fix = "Did you mean " + strings.Join(near, " or ") + "?"
	}
	return usagef("there is no command %q. %s", args[0], fix)
}

// exactly is cobra.ExactArgs with a message that shows how to call the command.
func exactly(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return usagef("%s takes %d argument(s), not %d. Usage: %s", cmd.CommandPath(), n, len(args), cmd.UseLine())
		}
		return nil
	}
}

func newVersion(s streams) *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print the version", Args: exactly(0), RunE: func(*cobra.Command, []string) error {
		_, err := fmt.Fprintln(s.out, "etlportal", version)
		return err
	}}
}
