package main

import (
	"github.com/spf13/cobra"

	"github.com/etlportal/etlportal/internal/transform"
)

func newSchema(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of a file format", Args: known,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use: "mapping", Short: "Print the JSON Schema of mapping files, for editors", Args: exactly(0),
		RunE: func(*cobra.Command, []string) error {
			_, err := s.out.Write(transform.MappingJSONSchema())
			return err
		},
	})
	return cmd
}
