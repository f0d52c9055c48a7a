package schema

import "testing"

func TestCurrencyCodes(t *testing.T) {
	for _, c := range []struct{ typ, format, in, want string }{
		{"numeric", "currency", "USD 5.00", "5.00"},
		{"numeric", "currency", "USD5.00", "5.00"},
		{"numeric", "currency", "5.00 EUR", "5.00"},
		{"numeric", "currency", "5.00EUR", "5.00"},
		{"numeric", "currency", "5.00\u00a0chf", "5.00"},
		{"numeric", "currency", "-JPY 500", "-500"},
		{"numeric", "currency", "JPY -500", "-500"},
		{"numeric", "currency", "-500 JPY", "-500"},
		{"numeric", "currency", "(GBP 12.50)", "-12.50"},
		{"numeric", "currency", "DEM 1.95583", "1.95583"},
		{"numeric", "decimal_comma+currency", "5,00 EUR", "5.00"},
		{"numeric", "1.234,56+currency", "EUR 1.234,56", "1234.56"},
		{"numeric(10,2)", "1,234.56+currency", "1,234.5 AUD", "1234.50"},
		{"numeric", "currency+trailing_minus", "5.00- EUR", "-5.00"},
		{"integer", "currency", "7 SEK", "7"},
		{"numeric", "currency", "€5.00", "5.00"},
		{"numeric", "currency", "5.00", "5.00"},
		{"numeric", "currency", "XYZ 5.00", ""},
		{"numeric", "currency", "USDX 5.00", ""},
		{"numeric", "currency", "USD", ""},
		{"numeric", "currency", "USD ", ""},
		{"numeric", "currency", "USD 5.00 EUR", ""},
		{"numeric", "currency", "$5.00 USD", ""},
		{"numeric", "currency", "US 5", ""},
		{"numeric", "EUR 1.234,56", "USD 5,00", ""},
		{"numeric", "decimal_point", "USD 5.00", ""},
		{"numeric", "", "USD 5.00", ""},
	} {
		p := newParser(t, c.typ, c.format)
		var v Value
		e := p.Parse([]byte(c.in), &v)
		got := ""
		if e == nil {
			got = string(v.AppendText(nil, p.Type()))
		}
		if got != c.want {
			t.Errorf("%q as %s of format %s is %q, want %q (%v)", c.in, c.typ, c.format, got, c.want, e)
		}
	}
}

// The words that are numbers themselves are no currencies.
func TestSpecialNumbersAreNoCurrencies(t *testing.T) {
	for _, s := range []string{"nan", "inf", "NaN"} {
		if isCurrencyCode([]byte(s)) {
			t.Errorf("%s is a currency", s)
		}
	}
}

// A bad row names the format that reads a code.
func TestHintOfCurrencyCode(t *testing.T) {
	p := newParser(t, "numeric", "")
	var v Value
	e := p.Parse([]byte("USD 5.00"), &v)
	if want := "'USD 5.00' is not numeric: did you mean a currency sign? (format currency)"; e == nil || e.Reason != want {
		t.Errorf("got %v, want %s", e, want)
	}
}
