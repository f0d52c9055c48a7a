package main

import (
	"github.com/spf13/cobra"

	"github.com/etlportal/etlportal/internal/workflow"
)

func newCat(s streams) *cobra.Command {
	var f readFlags
	cmd := &cobra.Command{
		Use:   "cat FILE",
		Short: "Print a file as clean CSV: RFC 4180, UTF-8, LF, header first",
		Long: `Print a file as clean CSV: RFC 4180, UTF-8, LF, quotes only where needed, header first.
FILE is a path or - for standard input; .gz, .zst and .zip are unpacked.
A record that cannot be read ends it with an error that names the line.`,
		Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, _, err := f.options()
			if err != nil {
				return err
			}
			src, err := f.open(s, args[0])
			if err != nil {
				return err
			}
			defer src.Close()
			return workflow.Cat(cmd.Context(), src, o, s.out)
		},
	}
	f.register(cmd.Flags())
	return cmd
}
