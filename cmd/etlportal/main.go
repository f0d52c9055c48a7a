// Command etlportal loads CSV files into PostgreSQL, and shows what is in them.
//
// Exit codes: 0 done; 1 the run failed; 2 bad usage or input; 3 the destination cannot be reached.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
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
	// Much garbage is short-lived row memory of fixed size; a low ceiling costs
	// little and keeps the process small beside the database.
	debug.SetMemoryLimit(80 << 20)
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
	if errors.Is(err, errReported) {
		return exitCode(err)
	}
	if errors.Is(err, syscall.EPIPE) {
		return exitDone
	}
	fmt.Fprintln(errOut, "etlportal: "+errorLine(ctx, err))
	return exitCode(err)
}

// errReported marks an error that the command has already shown.
var errReported = errors.New("reported")

// errorLine is an error as one line.
func errorLine(ctx context.Context, err error) string {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return "interrupted; the destination is as it was"
	}
	if e, ok := errors.AsType[*etl.Error](err); ok {
		return strings.ReplaceAll(e.Error(), "\n", "\n  ")
	}
	if errors.Is(err, syscall.ENOSPC) {
		return "the output cannot be written: no space left on the device. Free some space or write elsewhere"
	}
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}

func exitCode(err error) int {
	if e, ok := errors.AsType[*etl.Error](err); ok {
		switch e.Kind {
		case etl.Mistake:
			return exitUsage
		case etl.Weather:
			if e.Code == "read_failed" {
				return exitFailed
			}
			return exitUnreachable
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
		newServe(s), newWarehouse(s), newMigrate(s), newToken(s), newKeys(s), newOpenAPI(s))
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
