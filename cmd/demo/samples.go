package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// writeSamples writes the sample files into dir. They are the same on every
// machine and at every run: a test compares the committed ones with these.
func writeSamples(dir string) error {
	for name, data := range map[string][]byte{"sales.csv": salesCSV(), "rechnungen.csv": invoicesCSV()} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// salesCSV is a shop's export: RFC 4180 in UTF-8, with quoted commas, doubled
// quotes, a note of two lines, empty values, and postcodes that start with 0.
func salesCSV() []byte {
	random := rand.New(rand.NewPCG(2024, 1)) //nolint:gosec // the same file every time is the point
	first := []string{"Ada", "Bjørn", "Chloé", "Dmitri", "Emeka", "Fatima", "Grace", "Hiro", "Inés", "Jürgen", "Kateřina", "Linus"}
	last := []string{"Lovelace", "Nguyễn", "O'Neill", "Müller", "Okafor", "García", "Hopper", "Tanaka", "Smith", "Novák"}
	places := [][2]string{{"DE", "01067"}, {"DE", "80331"}, {"US", "02139"}, {"US", "94103"}, {"FR", "75011"}, {"GB", "SW1A 1AA"}, {"ES", "08001"}, {"JP", "100-0001"}}
	products := []struct {
		name  string
		cents int
	}{
		{"Notebook, A5", 450},
		{`Monitor 27" wide`, 28900},
		{"Desk lamp", 3995},
		{"USB-C cable", 1299},
		{"Café filter papers", 375},
		{"Mechanical keyboard", 11950},
		{"Chair, adjustable", 24900},
		{"Whiteboard marker", 210},
	}
	notes := []string{"gift", `customer said "leave at the door"`, "call before delivery, please", "first line\nsecond line", "express"}

	var out bytes.Buffer
	w := csv.NewWriter(&out)
	write := func(fields ...string) { _ = w.Write(fields) } // a bytes.Buffer takes everything
	write("order_id", "ordered_at", "customer", "email", "country", "postcode", "product", "quantity", "unit_price", "discount", "paid", "shipped_on", "note")
	at := time.Date(2024, 1, 2, 8, 15, 0, 0, time.UTC)
	for i := range 1000 {
		at = at.Add(time.Duration(1+random.IntN(60*17)) * time.Minute)
		given, family := first[random.IntN(len(first))], last[random.IntN(len(last))]
		place, product := places[random.IntN(len(places))], products[random.IntN(len(products))]
		discount, shipped, note := "", "", ""
		if random.IntN(4) == 0 {
			discount = []string{"0.05", "0.10", "0.25"}[random.IntN(3)]
		}
		if random.IntN(12) > 0 {
			shipped = at.AddDate(0, 0, 1+random.IntN(5)).Format(time.DateOnly)
		}
		if random.IntN(10) == 0 {
			note = notes[random.IntN(len(notes))]
		}
		write(strconv.Itoa(100001+i), at.Format(time.DateTime), given+" "+family, "customer"+strconv.Itoa(1+random.IntN(400))+"@example.com",
			place[0], place[1], product.name, strconv.Itoa(1+random.IntN(12)), cents(product.cents), discount,
			strconv.FormatBool(random.IntN(9) > 0), shipped, note)
	}
	w.Flush()
	return out.Bytes()
}

// invoicesCSV is what a German spreadsheet saves: Windows-1252, semicolons,
// decimal commas, days first, CRLF, a title above the header.
func invoicesCSV() []byte {
	random := rand.New(rand.NewPCG(2024, 2)) //nolint:gosec // the same file every time is the point
	customers := []string{"Bäckerei Groß", "Müller & Söhne GmbH", "Café Zürich", "Óptica Peña", " Schröder KG ", "L'Étoile"}
	places := [][2]string{{"01067", "Dresden"}, {"80331", "München"}, {"50667", "Köln"}, {"04109", "Leipzig"}, {"90402", "Nürnberg"}}

	var out strings.Builder
	out.WriteString("Rechnungsausgang 2024\r\n\r\n")
	out.WriteString("Rechnungsnr.;Datum;Kunde;PLZ;Ort;Netto;MwSt;Bezahlt\r\n")
	day := time.Date(2024, 1, 3, 0, 0, 0, 0, time.UTC)
	for i := range 240 {
		day = day.AddDate(0, 0, random.IntN(4))
		place := places[random.IntN(len(places))]
		rate := []string{"19 %", "7 %"}[random.IntN(2)]
		paid := []string{"ja", "ja", "ja", "nein"}[random.IntN(4)]
		fmt.Fprintf(&out, "R-2024-%04d;%s;%s;%s;%s;%s €;%s;%s\r\n", i+1, day.Format("02.01.2006"),
			customers[random.IntN(len(customers))], place[0], place[1], germanMoney(500+random.IntN(900000)), rate, paid)
	}
	return windows1252(out.String())
}

// cents writes an amount with a decimal point.
func cents(c int) string { return fmt.Sprintf("%d.%02d", c/100, c%100) }

// germanMoney writes an amount under a million with decimal comma and points between thousands.
func germanMoney(c int) string {
	if c < 100_000 {
		return fmt.Sprintf("%d,%02d", c/100, c%100)
	}
	return fmt.Sprintf("%d.%03d,%02d", c/100_000, c/100%1000, c%100)
}

// windows1252 encodes the characters that occur here: Latin-1 as it is, and the euro sign.
func windows1252(s string) []byte {
	out := make([]byte, 0, len(s))
	for _, r := range s {
		if r == '€' {
			out = append(out, 0x80)
			continue
		}
		out = append(out, byte(r))
	}
	return out
}
