// Command demo shows etlportal at work on the samples of examples/, against a
// PostgreSQL of its own: `make demo`. It also keeps the README honest: what it
// shows as a command's output is pasted there by `make readme`, and a test of
// this package compares the two.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/etlportal/etlportal/internal/local"
)

// tour is what `make demo` runs.
var tour = []string{
	`etlportal inspect examples/sales.csv`,
	`etlportal load examples/sales.csv --to "$DATABASE_URL" --table sales --create`,
	`psql "$DATABASE_URL" -c 'SELECT order_id, ordered_at, customer, postcode, product, unit_price, paid FROM sales ORDER BY order_id LIMIT 5'`,
	`psql "$DATABASE_URL" -c 'SELECT country, count(*) AS orders, sum(quantity * unit_price) AS revenue FROM sales GROUP BY country ORDER BY revenue DESC'`,
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// run does what the arguments say and is what tests call.
func run(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	samples := flags.String("samples", "", "write the sample files into this directory and do nothing else")
	readme := flags.String("readme", "", "run the commands in the console blocks of this file and show what differs from the output pasted there")
	write := flags.Bool("write", false, "with -readme: paste what the commands print")
	bin := flags.String("bin", "bin", "the directory of the etlportal binary")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("there is no argument %q: everything is said by flags", flags.Arg(0))
	}
	if *samples != "" {
		return writeSamples(*samples)
	}
	dir, err := filepath.Abs(*bin)
	if err != nil {
		return err
	}

	server, err := local.StartPostgres(ctx, local.Options{Disposable: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	sh := shell{bin: dir, url: server.URL}

	if *readme != "" {
		return checkReadme(ctx, sh, *readme, *write, out)
	}
	for _, command := range tour {
		fmt.Fprintf(out, "\n$ %s\n", command)
		printed, err := sh.run(ctx, command)
		fmt.Fprint(out, printed)
		if err != nil {
			return err
		}
	}
	return nil
}
