package schema

import (
	"encoding/binary"
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func mustDecimal(t testing.TB, s string) Decimal {
	t.Helper()
	d, err := ParseDecimal([]byte(s))
	if err != nil {
		t.Fatalf("ParseDecimal(%q): %v", s, err)
	}
	return d
}

func TestParseDecimal(t *testing.T) {
	for _, c := range []struct {
		in, want string
		err      error
	}{
		{"0", "0", nil},
		{"-0", "0", nil},
		{"-0.00", "0.00", nil},
		{"+1", "1", nil},
		{"12345.67", "12345.67", nil},
		{".5", "0.5", nil},
		{"5.", "5", nil},
		{"007", "7", nil},
		{"-.05", "-0.05", nil},
		{"1e3", "1000", nil},
		{"1.50E1", "15.0", nil},
		{"1.5e-3", "0.0015", nil},
		{"0e5", "0", nil},
		{"0e-3", "0.000", nil},
		{"999999999999999999", "999999999999999999", nil},
		{"9223372036854775807", "9223372036854775807", nil},
		{"-9223372036854775808", "-9223372036854775808", nil},
		{"9223372036854775808", "9223372036854775808", nil},
		{"0.0000000000000000000000001", "0.0000000000000000000000001", nil},
		{"123456789012345678901234567890.5", "123456789012345678901234567890.5", nil},
		{strings.Repeat("0", 3000) + "7", "7", nil},
		{"NaN", "NaN", nil},
		{"nan", "NaN", nil},
		{"inf", "Infinity", nil},
		{"-Infinity", "-Infinity", nil},
		{"+INFINITY", "Infinity", nil},
		{strings.Repeat("9", 1000), strings.Repeat("9", 1000), nil},
		{"1e999", "1" + strings.Repeat("0", 999), nil},
		{strings.Repeat("9", 1001), "", ErrTooManyDigits},
		{"1e1000", "", ErrTooManyDigits},
		{"1e-1001", "", ErrTooManyDigits},
		{"1e999999999999999999999", "", ErrTooManyDigits},
		{"", "", ErrNotDecimal},
		{"-", "", ErrNotDecimal},
		{".", "", ErrNotDecimal},
		{"-.", "", ErrNotDecimal},
		{"1.2.3", "", ErrNotDecimal},
		{"1e", "", ErrNotDecimal},
		{"1e+", "", ErrNotDecimal},
		{"e5", "", ErrNotDecimal},
		{".e5", "", ErrNotDecimal},
		{"0x10", "", ErrNotDecimal},
		{"1_000", "", ErrNotDecimal},
		{" 1", "", ErrNotDecimal},
		{"--1", "", ErrNotDecimal},
		{"-nan", "", ErrNotDecimal},
		{"infinit", "", ErrNotDecimal},
	} {
		d, err := ParseDecimal([]byte(c.in))
		if !errors.Is(err, c.err) || err == nil && d.String() != c.want {
			t.Errorf("ParseDecimal(%.40q) = %.40q, %v; want %.40q, %v", c.in, d.String(), err, c.want, c.err)
		}
	}
}

// genDecimal draws numbers of both forms, around their border most of all.
func genDecimal() *rapid.Generator[Decimal] {
	return rapid.Custom(func(t *rapid.T) Decimal {
		scale := rapid.IntRange(0, 25).Draw(t, "scale")
		switch rapid.IntRange(0, 5).Draw(t, "size") {
		case 0:
			c, _ := new(big.Int).SetString(rapid.StringMatching(`-?[1-9][0-9]{17,60}`).Draw(t, "digits"), 10)
			d, _ := fromBig(c, scale)
			return d
		case 1:
			return NewDecimal(rapid.SampledFrom([]int64{0, 1, -1, math.MaxInt64, math.MinInt64, math.MinInt64 + 1, 9999, 10000, 1e18, -1e18}).Draw(t, "edge"), scale)
		case 2:
			return NewDecimal(int64(rapid.IntRange(-2000, 2000).Draw(t, "near zero")), min(scale, 5))
		}
		return NewDecimal(rapid.Int64().Draw(t, "coefficient"), scale)
	})
}

func rat(d Decimal) *big.Rat {
	return new(big.Rat).SetFrac(d.coefficient(), bigPow10(int(d.scale)))
}

// canonical says that a number is in the small form wherever it fits.
func canonical(d Decimal) bool { return d.large == nil || !d.large.IsInt64() }

func TestDecimalArithmeticAgreesWithRationals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := genDecimal().Draw(t, "a"), genDecimal().Draw(t, "b")
		exact := func(name string, got Decimal, err error, want *big.Rat) {
			if err != nil || rat(got).Cmp(want) != 0 || !canonical(got) {
				t.Fatalf("%s: %v, %v; want %v", name, got, err, want.FloatString(60))
			}
		}
		sum, err := a.Add(b)
		exact("Add", sum, err, new(big.Rat).Add(rat(a), rat(b)))
		difference, err := a.Sub(b)
		exact("Sub", difference, err, new(big.Rat).Sub(rat(a), rat(b)))
		product, err := a.Mul(b)
		exact("Mul", product, err, new(big.Rat).Mul(rat(a), rat(b)))
		exact("Neg", a.Neg(), nil, new(big.Rat).Neg(rat(a)))
		exact("Abs", a.Abs(), nil, new(big.Rat).Abs(rat(a)))
		if a.Cmp(b) != rat(a).Cmp(rat(b)) {
			t.Fatalf("%v.Cmp(%v) = %d", a, b, a.Cmp(b))
		}
		if a.Sign() != rat(a).Sign() || a.IsInt() != rat(a).IsInt() || a.Digits() != len(strings.TrimLeft(a.coefficient().String(), "-")) {
			t.Fatalf("Sign, IsInt or Digits of %v", a)
		}
		if i, ok := a.Int64(); ok != (rat(a).IsInt() && rat(a).Num().IsInt64()) || ok && rat(a).Num().Int64() != i {
			t.Fatalf("%v.Int64() = %d, %t", a, i, ok)
		}
		if want, _ := rat(a).Float64(); a.Float64() != want {
			t.Fatalf("%v.Float64() = %v, want %v", a, a.Float64(), want)
		}
		places := rapid.IntRange(-20, 40).Draw(t, "places")
		rounded, err := a.Round(places)
		exact("Round", rounded, err, roundRat(rat(a), places, true))
		cut, err := a.Trunc(places)
		exact("Trunc", cut, err, roundRat(rat(a), places, false))
		if rounded.Scale() != max(places, 0) || cut.Scale() != max(places, 0) {
			t.Fatalf("scale after rounding to %d: %d", places, rounded.Scale())
		}
		floor, ceil := a.Floor(), a.Ceil()
		if !floor.IsInt() || floor.Cmp(a) > 0 || !ceil.IsInt() || ceil.Cmp(a) < 0 {
			t.Fatalf("Floor %v, Ceil %v of %v", floor, ceil, a)
		}
		if gap, _ := ceil.Sub(floor); gap.Cmp(NewDecimal(1, 0)) > 0 || a.IsInt() && gap.Sign() != 0 {
			t.Fatalf("Floor %v and Ceil %v of %v are apart", floor, ceil, a)
		}
		if b.Sign() == 0 {
			if _, err := a.Quo(b); !errors.Is(err, ErrDivisionByZero) {
				t.Fatalf("Quo by zero: %v", err)
			}
			if _, err := a.Mod(b); !errors.Is(err, ErrDivisionByZero) {
				t.Fatalf("Mod by zero: %v", err)
			}
			return
		}
		quotient := new(big.Rat).Quo(rat(a), rat(b))
		scale := rapid.IntRange(0, 40).Draw(t, "quotient scale")
		q, err := a.QuoScale(b, scale)
		exact("QuoScale", q, err, roundRat(quotient, scale, true))
		q, err = a.Quo(b)
		exact("Quo", q, err, roundRat(quotient, q.Scale(), true))
		if q.Scale() < max(a.Scale(), b.Scale()) || q.Sign() != 0 && q.Digits() < 15 && rat(q).Cmp(quotient) != 0 {
			t.Fatalf("%v / %v = %v has too few digits", a, b, q)
		}
		m, err := a.Mod(b)
		whole := roundRat(quotient, 0, false)
		exact("Mod", m, err, new(big.Rat).Sub(rat(a), whole.Mul(whole, rat(b))))
	})
}

// roundRat is r cut, or rounded half away from zero, to places decimals.
func roundRat(r *big.Rat, places int, round bool) *big.Rat {
	unit := new(big.Rat).SetInt(bigPow10(max(places, 0)))
	if places < 0 {
		unit.SetFrac(big.NewInt(1), bigPow10(-places))
	}
	scaled := new(big.Rat).Mul(r, unit)
	if round {
		half := big.NewRat(int64(r.Sign()), 2)
		scaled.Add(scaled, half)
	}
	q := new(big.Int).Quo(scaled.Num(), scaled.Denom())
	return scaled.Quo(new(big.Rat).SetInt(q), unit)
}

func TestDecimalTextReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := genDecimal().Draw(t, "d")
		s := d.String()
		back, err := ParseDecimal([]byte(s))
		if err != nil || back.Cmp(d) != 0 || back.Scale() != d.Scale() || back.String() != s {
			t.Fatalf("%q reads back as %v, %v", s, back, err)
		}
		if want := rat(d).FloatString(d.Scale()); s != want && s != "-"+want {
			t.Fatalf("%q, want %q", s, want)
		}
	})
}

func TestDecimalFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := genDecimal().Draw(t, "d")
		p, s := rapid.IntRange(1, 30).Draw(t, "p"), rapid.IntRange(-5, 30).Draw(t, "s")
		limit := new(big.Rat).SetInt(bigPow10(max(p-s, 0)))
		if p < s {
			limit.SetFrac(big.NewInt(1), bigPow10(s-p))
		}
		want := roundRat(rat(d), s, false).Cmp(rat(d)) == 0 && new(big.Rat).Abs(rat(d)).Cmp(limit) < 0
		if d.Fits(p, s) != want {
			t.Fatalf("%v.Fits(%d, %d) = %t", d, p, s, !want)
		}
	})
}

// fromWire reads PostgreSQL's binary numeric as its documentation says.
func fromWire(t testing.TB, b []byte) (value *big.Rat, scale int) {
	t.Helper()
	n := int(binary.BigEndian.Uint16(b))
	weight, sign := int(int16(binary.BigEndian.Uint16(b[2:]))), binary.BigEndian.Uint16(b[4:])
	if len(b) != 8+2*n {
		t.Fatalf("%d bytes for %d digits", len(b), n)
	}
	value = new(big.Rat)
	for i := range n {
		digit := binary.BigEndian.Uint16(b[8+2*i:])
		if digit > 9999 || digit == 0 && (i == 0 || i == n-1) {
			t.Fatalf("digit %d of %d is %d", i, n, digit)
		}
		term := new(big.Rat).SetInt64(int64(digit))
		exponent := (weight - i) * 4
		power := new(big.Rat).SetInt(bigPow10(max(exponent, -exponent)))
		if exponent < 0 {
			power.Inv(power)
		}
		value.Add(value, term.Mul(term, power))
	}
	switch sign {
	case wireNegative:
		value.Neg(value)
	case wirePositive:
	default:
		t.Fatalf("sign %x", sign)
	}
	return value, int(binary.BigEndian.Uint16(b[6:]))
}

func TestAppendBase10000(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := genDecimal().Draw(rt, "d")
		value, scale := fromWire(t, d.AppendBase10000(nil))
		if value.Cmp(rat(d)) != 0 || scale != d.Scale() {
			rt.Fatalf("%v on the wire is %v with scale %d", d, value.FloatString(40), scale)
		}
	})
	for _, c := range []struct{ in, want string }{
		{"NaN", "\x00\x00\x00\x00\xC0\x00\x00\x00"},
		{"Infinity", "\x00\x00\x00\x00\xD0\x00\x00\x00"},
		{"-Infinity", "\x00\x00\x00\x00\xF0\x00\x00\x00"},
		{"0.00", "\x00\x00\x00\x00\x00\x00\x00\x02"},
		{"12345.67", "\x00\x03\x00\x01\x00\x00\x00\x02\x00\x01\x09\x29\x1A\x2C"},
		{"-0.00001", "\x00\x01\xFF\xFE\x40\x00\x00\x05\x03\xE8"},
	} {
		if got := string(mustDecimal(t, c.in).AppendBase10000(nil)); got != c.want {
			t.Errorf("%s: % x, want % x", c.in, got, c.want)
		}
	}
}

// The expected results are those of PostgreSQL 15.
func TestDecimalSpecialValues(t *testing.T) {
	for _, c := range []struct{ a, op, b, want string }{
		{"Infinity", "+", "-Infinity", "NaN"},
		{"Infinity", "+", "1", "Infinity"},
		{"1", "-", "Infinity", "-Infinity"},
		{"NaN", "+", "1", "NaN"},
		{"1", "+", "NaN", "NaN"},
		{"Infinity", "+", "NaN", "NaN"},
		{"Infinity", "*", "0", "NaN"},
		{"-Infinity", "*", "-2", "Infinity"},
		{"Infinity", "/", "Infinity", "NaN"},
		{"1", "/", "Infinity", "0"},
		{"-Infinity", "/", "2", "-Infinity"},
		{"Infinity", "/", "0", "division by zero"},
		{"NaN", "/", "0", "NaN"},
		{"Infinity", "%", "2", "NaN"},
		{"5", "%", "Infinity", "5"},
		{"5", "%", "-3", "2"},
		{"-5", "%", "3", "-2"},
		{"1", "%", "0", "division by zero"},
		{"1", "/", "3", "0.33333333333333333333"},
		{"2", "/", "3", "0.66666666666666666667"},
		{"10", "/", "4", "2.5000000000000000"},
		{"100000", "/", "7", "14285.714285714286"},
		{"1", "/", "7000", "0.00014285714285714286"},
		{"0", "/", "5", "0.00000000000000000000"},
		{"1.00", "/", "8", "0.12500000000000000000"},
		{"12345678901234567890", "/", "3", "4115226300411522630"},
		{"-7", "/", "2", "-3.5000000000000000"},
	} {
		a, b := mustDecimal(t, c.a), mustDecimal(t, c.b)
		op := map[string]func(Decimal) (Decimal, error){"+": a.Add, "-": a.Sub, "*": a.Mul, "/": a.Quo, "%": a.Mod}[c.op]
		got, err := op(b)
		s := got.String()
		if err != nil {
			s = err.Error()
		}
		if s != c.want {
			t.Errorf("%s %s %s = %s, want %s", c.a, c.op, c.b, s, c.want)
		}
	}
	order := []string{"-Infinity", "-1e30", "-1", "0", "1e-30", "1e30", "Infinity", "NaN"}
	for i, a := range order {
		for j, b := range order {
			want := 0
			if i != j {
				want = map[bool]int{true: -1, false: 1}[i < j]
			}
			if got := mustDecimal(t, a).Cmp(mustDecimal(t, b)); got != want {
				t.Errorf("%s cmp %s = %d", a, b, got)
			}
		}
	}
	for in, want := range map[string]string{"Infinity": "-Infinity", "-Infinity": "Infinity", "NaN": "NaN"} {
		if got := mustDecimal(t, in).Neg().String(); got != want {
			t.Errorf("-%s = %s", in, got)
		}
	}
	if NaN().Fits(5, 2) != true || Infinity(1).Fits(5, 2) || !Infinity(1).Fits(0, 0) {
		t.Error("special values fit where they must not")
	}
}

// A hostile expression meets an error long before it meets the memory.
func TestDecimalIsBounded(t *testing.T) {
	d := mustDecimal(t, strings.Repeat("9", 600))
	if _, err := d.Mul(d); !errors.Is(err, ErrTooManyDigits) {
		t.Errorf("Mul: %v", err)
	}
	tiny := mustDecimal(t, "1e-600")
	for name, f := range map[string]func() (Decimal, error){
		"Mul of scales": func() (Decimal, error) { return tiny.Mul(tiny) },
		"Add":           func() (Decimal, error) { return d.Add(tiny) },
		"Mod":           func() (Decimal, error) { return d.Mod(mustDecimal(t, "7e-900")) },
		"Quo":           func() (Decimal, error) { return d.Quo(tiny) },
		"QuoScale":      func() (Decimal, error) { return d.QuoScale(tiny, 1001) },
		"Round":         func() (Decimal, error) { return d.Round(1001) },
		"Round to many": func() (Decimal, error) { return d.Round(500) },
	} {
		if got, err := f(); name != "Mod" && !errors.Is(err, ErrTooManyDigits) || name == "Mod" && err != nil {
			t.Errorf("%s: %.20s, %v", name, got, err)
		}
	}
	if got, err := d.Round(-700); err != nil || got.Sign() != 0 {
		t.Errorf("Round(-700) = %v, %v", got, err)
	}
	if got, err := d.Round(-1 << 40); err != nil || got.Sign() != 0 {
		t.Errorf("Round(-2^40) = %v, %v", got, err)
	}
}

func TestDecimalFromFloat(t *testing.T) {
	for f, want := range map[float64]string{0.1: "0.1", 1e300: "1" + strings.Repeat("0", 300), -2.5: "-2.5", 5e-324: "0." + strings.Repeat("0", 323) + "5", math.Inf(1): "Infinity", math.Inf(-1): "-Infinity", 0: "0"} {
		if got := DecimalFromFloat(f).String(); got != want {
			t.Errorf("%v: %s", f, got)
		}
	}
	if !DecimalFromFloat(math.NaN()).IsNaN() {
		t.Error("NaN")
	}
	for s, want := range map[string]float64{"NaN": math.NaN(), "Infinity": math.Inf(1), "-Infinity": math.Inf(-1), "1e400": math.Inf(1)} {
		if got := mustDecimal(t, s).Float64(); got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("%s: %v", s, got)
		}
	}
}

func BenchmarkParseAndEncodeDecimal(b *testing.B) {
	text, dst := []byte("12345.67"), make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		d, _ := ParseDecimal(text)
		dst = d.AppendBase10000(dst[:0])
	}
}
