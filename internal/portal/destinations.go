package portal

import (
	"context"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// browseFor bounds a look into a customer's database.
const browseFor = 30 * time.Second

// Schemas are the schemas of a database.
type Schemas struct {
	Schemas []etl.SchemaInfo `json:"schemas"`
}

// Tables are the tables of a schema.
type Tables struct {
	Schema string          `json:"schema"`
	Tables []etl.TableInfo `json:"tables"`
}

// Table describes a table.
type Table struct {
	Schema  string        `json:"schema"`
	Name    string        `json:"name"`
	Columns []TableColumn `json:"columns"`
	// Unique are the indexes that upsert_keys can be.
	Unique []UniqueIndex `json:"unique_indexes" doc:"Unique indexes over plain columns: what upsert_keys can be"`
	// Layout is that of a table in Redshift.
	Layout schema.TableLayout `json:"layout,omitzero" doc:"How Redshift keeps the table, as far as its views tell"`
}

// TableColumn is a column of a table.
type TableColumn struct {
	Name      string `json:"name"`
	Type      string `json:"type"`
	Domain    string `json:"domain,omitempty"`
	Nullable  bool   `json:"nullable"`
	Default   string `json:"default,omitempty"`
	Identity  string `json:"identity,omitempty" doc:"always or by default"`
	Generated bool   `json:"generated,omitempty" doc:"The database computes it"`
	Primary   bool   `json:"primary_key,omitempty"`
	// Required says that a row cannot be without a value from the file.
	Required bool `json:"required" doc:"Not null and without a default: it must be mapped"`
}

// UniqueIndex is a unique index or primary key.
type UniqueIndex struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
	Primary bool     `json:"primary"`
}

// with connects to a credential's database for a while.
func (p *Portal) with(ctx context.Context, credentialID int64, do func(context.Context, etl.FanOut) error) error {
	c, err := p.Store.Credential(ctx, credentialID)
	if err != nil {
		return err
	}
	password, err := p.Password(ctx, credentialID)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, browseFor)
	defer cancel()
	dest, err := p.Open(ctx, c, password)
	if err != nil {
		return err
	}
	defer func() {
		// The connection is of no more use, and its end of no more interest.
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), stepFor)
		defer cancel()
		_ = dest.Close(end)
	}()
	return do(ctx, dest)
}

func catalogueOf(dest etl.FanOut) (Catalogue, error) {
	c, ok := dest.(Catalogue)
	if !ok {
		return nil, etl.Mistakef("not_browsable", "Name schema and table yourself", "this kind of database does not list its tables")
	}
	return c, nil
}

// Schemas lists the schemas of a credential's database.
func (p *Portal) Schemas(ctx context.Context, credentialID int64) (*Schemas, error) {
	out := &Schemas{}
	return out, p.with(ctx, credentialID, func(ctx context.Context, dest etl.FanOut) error {
		c, err := catalogueOf(dest)
		if err == nil {
			out.Schemas, err = c.Schemas(ctx)
		}
		if out.Schemas == nil {
			out.Schemas = []etl.SchemaInfo{}
		}
		return err
	})
}

// Tables lists the tables of a schema.
func (p *Portal) Tables(ctx context.Context, credentialID int64, schemaName string) (*Tables, error) {
	out := &Tables{Schema: schemaName}
	return out, p.with(ctx, credentialID, func(ctx context.Context, dest etl.FanOut) error {
		c, err := catalogueOf(dest)
		if err == nil {
			out.Tables, err = c.Tables(ctx, schemaName)
		}
		if out.Tables == nil {
			out.Tables = []etl.TableInfo{}
		}
		return err
	})
}

// Table describes a table; an empty schema is the search path's.
func (p *Portal) Table(ctx context.Context, credentialID int64, schemaName, name string) (*Table, error) {
	var out *Table
	err := p.with(ctx, credentialID, func(ctx context.Context, dest etl.FanOut) error {
		t, err := dest.Table(ctx, schemaName, name)
		if err != nil {
			return err
		}
		out = tableView(t)
		if teller, ok := dest.(etl.LayoutTeller); ok {
			ctx, cancel := context.WithTimeout(ctx, stepFor)
			defer cancel()
			out.Layout = teller.Layout(ctx, t)
		}
		return nil
	})
	return out, err
}

func tableView(t *schema.Table) *Table {
	v := &Table{Schema: t.Schema, Name: t.Name, Columns: make([]TableColumn, 0, len(t.Columns)), Unique: make([]UniqueIndex, 0, len(t.Unique))}
	primary := map[string]bool{}
	for _, u := range t.Unique {
		v.Unique = append(v.Unique, UniqueIndex(u))
		for _, c := range u.Columns {
			primary[c] = primary[c] || u.Primary
		}
	}
	for _, c := range t.Columns {
		v.Columns = append(v.Columns, TableColumn{
			Name: c.Name, Type: c.Type.String(), Domain: c.Domain, Nullable: !c.NotNull, Default: c.Default, Identity: c.Identity, Generated: c.Generated,
			Primary: primary[c.Name], Required: c.NotNull && !c.HasDefault && c.Identity == "" && !c.Generated,
		})
	}
	return v
}
