package schema

// Decimal is an exact decimal number.
type Decimal struct{}
