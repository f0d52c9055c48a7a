package schema

import "strings"

// QualifiedName is the table's name as SQL text, with its schema where it has one.
func (t *Table) QualifiedName() string {
	if t.Schema == "" {
		return Identifier(t.Name)
	}
	return Identifier(t.Schema) + "." + Identifier(t.Name)
}

// CreateSQL is the CREATE TABLE statement, one column a line, without a
// closing semicolon. A column of kind Unknown becomes text, one of Bytea has no length. A type of kind
// Other is printed as ParseType reads it; one that it refuses becomes one quoted
// name, for the database to refuse. Indexes in Unique
// become PRIMARY KEY and UNIQUE constraints; their names are left to the
// database. Default and Domain are written as they are: they come from a
// database's catalogue, never from a file.
func (t *Table) CreateSQL() string {
	lines := make([]string, 0, len(t.Columns)+len(t.Unique))
	for i := range t.Columns {
		lines = append(lines, t.Columns[i].definition())
	}
	for _, index := range t.Unique {
		kind := "UNIQUE"
		if index.Primary {
			kind = "PRIMARY KEY"
		}
		columns := make([]string, len(index.Columns))
		for i, name := range index.Columns {
			columns[i] = Identifier(name)
		}
		lines = append(lines, kind+" ("+strings.Join(columns, ", ")+")")
	}
	return "CREATE TABLE " + t.QualifiedName() + " (\n  " + strings.Join(lines, ",\n  ") + "\n)"
}

func (c *Column) definition() string {
	typ := c.Type.String()
	switch {
	case c.Domain != "":
		typ = c.Domain
	case c.Type.Kind == Unknown:
		typ = Type{Kind: Text}.String()
	case c.Type.Kind == Bytea:
		// PostgreSQL's takes no length.
		typ = Type{Kind: Bytea}.String()
	case c.Type.Kind == Other:
		if n, err := readTypeName(c.Type.Name); err == nil {
			typ = n.String()
		} else {
			typ = Identifier(c.Type.Name)
		}
	}
	s := Identifier(c.Name) + " " + typ
	if c.NotNull {
		s += " NOT NULL"
	}
	switch {
	case c.Identity != "":
		s += " GENERATED " + strings.ToUpper(c.Identity) + " AS IDENTITY"
	case c.Generated:
		s += " GENERATED ALWAYS AS (" + c.Default + ") STORED"
	case c.Default != "":
		s += " DEFAULT " + c.Default
	}
	return s
}
