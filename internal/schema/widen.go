package schema

// Widen is the narrowest type whose column holds every value of a column of
// type a and of one of type b without loss; Unknown gives way to all, and text
// holds all. It is commutative, associative and idempotent, so that the order
// of widening never matters.
func Widen(a, b Type) Type {
	if a.Kind > b.Kind {
		a, b = b, a
	}
	switch {
	case a == b || a.Kind == Unknown:
		return b
	case a.Kind == Text:
		return a
	case (a.Kind == Char || a.Kind == Varchar) && (b.Kind == Char || b.Kind == Varchar):
		return widenCharacters(a, b)
	case a.isNumber() && b.isNumber():
		return widenNumbers(a, b)
	case a.Kind == Date && (b.Kind == Timestamp || b.Kind == TimestampTZ), a.Kind == Timestamp && b.Kind == TimestampTZ:
		return b
	case a.Kind == JSON && b.Kind == JSONB:
		return a
	}
	return Type{Kind: Text}
}

func (t Type) isNumber() bool { return t.Kind >= SmallInt && t.Kind <= Numeric }

// widenCharacters has no length where one of them has none.
func widenCharacters(a, b Type) Type {
	t := Type{Kind: b.Kind}
	if a.Length > 0 && b.Length > 0 {
		t.Length = max(a.Length, b.Length)
	}
	return t
}

func widenNumbers(a, b Type) Type {
	whole := func(t Type) bool { return t.Kind <= BigInt }
	float := func(t Type) bool { return t.Kind == Real || t.Kind == Double }
	switch {
	case whole(a) && whole(b), float(a) && float(b):
		return b
	case a.Kind == SmallInt && float(b):
		return b
	case a.Kind == Integer && float(b):
		return Type{Kind: Double}
	case float(a) || float(b):
		// Neither a bigint nor a numeric fits a double exactly.
		return Type{Kind: Numeric}
	}
	p, s, ok := a.digits()
	q, r, ok2 := b.digits()
	scale := max(s, r)
	precision := max(p-s, q-r) + scale
	if !ok || !ok2 || precision > MaxDigits {
		return Type{Kind: Numeric}
	}
	return Type{Kind: Numeric, Precision: precision, Scale: scale}
}

// digits is the precision and scale of a numeric that holds every value of t;
// false where there is no bound.
func (t Type) digits() (precision, scale int, ok bool) {
	switch t.Kind {
	case SmallInt:
		return 5, 0, true
	case Integer:
		return 10, 0, true
	case BigInt:
		return 19, 0, true
	}
	return t.Precision, t.Scale, t.Precision > 0
}
