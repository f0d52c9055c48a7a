package schema

// ParseType reads a type's SQL name in any PostgreSQL spelling: int4,
// varchar(10), numeric(10,2), timestamp with time zone, text[]. serial,
// bigserial and smallserial are their integers. A name that is not known
// becomes a type of kind Other; the error says what cannot be a type at all.
func ParseType(s string) (Type, error) { return Type{}, nil }

// String is the type's SQL name, as short as PostgreSQL takes it: integer,
// varchar(10), timestamptz; "unknown" for kind Unknown.
func (t Type) String() string { return "" }

// Widen is the narrowest type whose column holds every value of a column of
// type a and of one of type b without loss; Unknown gives way to all, and text
// holds all. The order of widening never matters.
func Widen(a, b Type) Type { return a }
