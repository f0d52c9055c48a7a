package etl

// SchemaInfo is a schema of a customer's database.
type SchemaInfo struct {
	Name string `json:"name"`
	// CanCreate says that the user may create tables in it.
	CanCreate bool `json:"can_create"`
	// Default says that it is where unqualified names are looked for first.
	Default bool `json:"default"`
}

// TableInfo is a table of a customer's database.
type TableInfo struct {
	Schema string `json:"schema"`
	Name   string `json:"name"`
	// Kind is "table", "partitioned table" or "foreign table".
	Kind string `json:"kind"`
	// Rows is the database's estimate; -1 where it has none yet.
	Rows int64 `json:"rows"`
	// Bytes is the size on disk with indexes.
	Bytes int64 `json:"bytes"`
	// CanInsert says that the user may load into it.
	CanInsert bool `json:"can_insert"`
}

// Privilege is something that loading needs of a database.
type Privilege struct {
	Name string `json:"name"`
	Held bool   `json:"held"`
	// Required says that nothing can be loaded without it; else something is slower or impossible, as Message says.
	Required bool   `json:"required"`
	Message  string `json:"message"`
	// Grant is the statement that gives it; "" where it is held.
	Grant string `json:"grant,omitempty"`
}
