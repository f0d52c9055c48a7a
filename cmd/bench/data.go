package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// generation is part of the file names; a change of what rows look like needs a new one.
const generation = 1

// Ten columns: bigint, four texts, numeric, integer, timestamp, date, boolean.
const (
	header      = "id,customer,city,product,note,amount,qty,ordered_at,ship_date,paid\n"
	fileColumns = "id, customer, city, product, note, amount, qty, ordered_at, ship_date, paid"
	columnTypes = "id bigint NOT NULL, customer text, city text, product text, note text, amount numeric(12,2), qty integer, ordered_at timestamp, ship_date date, paid boolean"
)

// mapping is what etlportal does on its way and \copy cannot.
const mapping = `columns:
  - {source: id, destination: id}
  - {source: customer, destination: customer, transformations: [{fn: TRIM}]}
  - {source: city, destination: city, transformations: [{fn: UPPER}]}
  - {source: product, destination: product}
  - {source: note, destination: note}
  - {source: amount, destination: amount}
  - {source: qty, destination: qty}
  - {source: ordered_at, destination: ordered_at}
  - {source: ship_date, destination: ship_date}
  - {source: paid, destination: paid}
  - {destination: total, expression: amount * qty}
`

// dataFile gives the path of a file of the given number of rows, about 136
// bytes each, making it first where it is not kept from an earlier time. The
// same rows and seed give the same bytes on every machine; ids are the same
// for every seed, the other columns are not.
func dataFile(dir string, rows int, seed uint64) (path string, err error) {
	path = filepath.Join(dir, fmt.Sprintf("rows-%d-seed-%d-v%d.csv", rows, seed, generation))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", err
	}
	file, err := os.CreateTemp(dir, "unfinished-")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close(), os.Remove(file.Name()))
		}
	}()
	if err := writeRows(file, rows, seed); err != nil {
		return "", err
	}
	if err := file.Close(); err != nil {
		return "", err
	}
	return path, os.Rename(file.Name(), path)
}

func writeRows(file io.Writer, rows int, seed uint64) error {
	random := rand.New(rand.NewPCG(seed, generation)) //nolint:gosec // the same rows every time are the point
	given := []string{"Alexandra", "Benjamin", "Charlotte", "Dominik", "Eleonora", "Friedrich", "Gabriela", "Henrik"}
	family := []string{"Andersen", "Bianchi", "Castellanos", "Dvorak", "Eriksson", "Fitzgerald", "Grabowski", "Hoffmann"}
	cities := []string{"Amsterdam", "Barcelona", "Copenhagen", "Dublin", "Edinburgh", "Florence", "Gothenburg", "Hamburg"}
	products := []string{"Adjustable chair", "Bluetooth keyboard", "Ceramic coffee mug", "Desk lamp, dimmable", "Ergonomic mouse", "Felt pen set", "Glass whiteboard", "27\"\" monitor"}
	notes := []string{"please deliver before ten o'clock in the morning", "leave the parcel with the neighbour", "invoice by post to the head office, not by e-mail", "gift wrapping and a card with the name", "", "customer wrote: \"\"call me first\"\""}
	start := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

	out := bufio.NewWriterSize(file, 1<<18)
	if _, err := out.WriteString(header); err != nil {
		return err
	}
	line := make([]byte, 0, 512)
	for row := range rows {
		at := start.Add(time.Duration(random.IntN(5*365*24*3600)) * time.Second)
		line = strconv.AppendInt(line[:0], 1_000_000+int64(row), 10)
		line = append(line, ',')
		if row%4 == 0 {
			line = append(line, ' ', ' ') // for TRIM
		}
		line = append(line, given[random.IntN(len(given))]...)
		line = append(line, ' ')
		line = append(line, family[random.IntN(len(family))]...)
		line = append(line, ',')
		line = append(line, cities[random.IntN(len(cities))]...)
		line = append(line, ',')
		line = appendField(line, products[random.IntN(len(products))])
		line = append(line, ',')
		line = appendField(line, notes[random.IntN(len(notes))])
		line = append(line, ',')
		cents := random.IntN(1_000_000)
		line = strconv.AppendInt(line, int64(cents/100), 10)
		line = append(line, '.', byte('0'+cents/10%10), byte('0'+cents%10), ',')
		line = strconv.AppendInt(line, int64(1+random.IntN(99)), 10)
		line = append(line, ',')
		line = at.AppendFormat(line, time.DateTime)
		line = append(line, ',')
		line = at.AddDate(0, 0, 1+random.IntN(9)).AppendFormat(line, time.DateOnly)
		line = append(line, ',')
		line = strconv.AppendBool(line, random.IntN(3) > 0)
		line = append(line, '\n')
		if _, err := out.Write(line); err != nil {
			return err
		}
	}
	return out.Flush()
}

// appendField quotes a text that needs it; its quotes are doubled already.
func appendField(line []byte, text string) []byte {
	for i := range len(text) {
		if text[i] == ',' || text[i] == '"' {
			line = append(line, '"')
			line = append(line, text...)
			return append(line, '"')
		}
	}
	return append(line, text...)
}
