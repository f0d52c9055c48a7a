package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/etlportal/etlportal/internal/workflow"
)

func newCat(s streams) *cobra.Command {
	var f readFlags
	cmd := &cobra.Command{
		Use:   "cat FILE",
		Short: "Print a file as clean CSV: RFC 4180, UTF-8, LF, header first",
		Long: `Print a file as clean CSV: RFC 4180, UTF-8, LF, quotes only where needed, header first.
FILE is a path, - for standard input, or s3://bucket/key (see: etlportal load --help); .gz, .zst and .zip are unpacked.
Damaged records are printed as far as their fields can be told, and counted on standard error.`,
		Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			keepSmall()
			o, _, err := f.options()
			if err != nil {
				return err
			}
			src, err := f.open(cmd.Context(), s, args[0])
			if err != nil {
				return err
			}
			defer src.Close()
			damage, err := workflow.Cat(cmd.Context(), src, o, s.out)
			if err == nil && damage.Rows > 0 {
				fmt.Fprintf(s.err, "etlportal: %s damaged and printed as far as possible; the first is line %d: %s\n",
					plural(damage.Rows, "row"), damage.First.Line, damage.First.Reason)
			}
			return err
		},
	}
	f.register(cmd.Flags())
	return cmd
}
