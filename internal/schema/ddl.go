package schema

// CreateSQL is the CREATE TABLE statement, one column a line, without a
// closing semicolon. Indexes in Unique become PRIMARY KEY and UNIQUE constraints.
func (t *Table) CreateSQL() string { return "" }
