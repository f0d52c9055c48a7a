// Package destination writes rows into customers' databases.
package destination

import (
	"context"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// Options say how to connect.
type Options struct {
	// ApplicationName is shown by pg_stat_activity; empty: "etlportal".
	ApplicationName string
}

// Postgres is a PostgreSQL database, version 12 or later.
type Postgres struct{}

var _ etl.Destination = (*Postgres)(nil)

// OpenPostgres connects to the database of a postgres:// URL.
func OpenPostgres(ctx context.Context, url string, o Options) (*Postgres, error) {
	return &Postgres{}, nil
}

// Table implements etl.Destination.
func (p *Postgres) Table(ctx context.Context, schemaName, name string) (*schema.Table, error) {
	return &schema.Table{}, nil
}

// CreateTableSQL implements etl.Destination.
func (p *Postgres) CreateTableSQL(t *schema.Table) string { return t.CreateSQL() }

// Begin implements etl.Destination.
func (p *Postgres) Begin(ctx context.Context, spec etl.LoadSpec) (etl.LoadSession, error) {
	return nil, nil
}

// Close implements etl.Destination.
func (p *Postgres) Close(ctx context.Context) error { return nil }
