package sniff

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// magic is a file format known by its first bytes.
type magic struct {
	offset int
	bytes  string
	name   string
	fix    string
	// binary says that the bytes could also be text, so that NULs must follow.
	binary bool
}

const (
	fixSpreadsheet = "Save the sheet as CSV UTF-8 in the spreadsheet program and give that file"
	fixUnpack      = "Unpack it and give the CSV inside"
	fixExport      = "Export the table as CSV with the program that wrote it"
	fixOther       = "Give the CSV file itself"
	fixNoText      = "Give a text file of delimited values; if it is one, name its encoding with --encoding"
)

var magics = []magic{
	{bytes: "\x89PNG", name: "a PNG image", fix: fixOther},
	{bytes: "\xff\xd8\xff", name: "a JPEG image", fix: fixOther},
	{bytes: "GIF87a", name: "a GIF image", fix: fixOther},
	{bytes: "GIF89a", name: "a GIF image", fix: fixOther},
	{bytes: "BM", name: "a BMP image", fix: fixOther, binary: true},
	{bytes: "II*\x00", name: "a TIFF image", fix: fixOther},
	{bytes: "MM\x00*", name: "a TIFF image", fix: fixOther},
	{bytes: "%PDF-", name: "a PDF document", fix: "Ask for the data as CSV, or copy the table into a spreadsheet program and save it as CSV"},
	{bytes: "{\\rtf", name: "an RTF document", fix: "Save it as plain text"},
	{bytes: "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", name: "an old Excel or Word file (XLS)", fix: fixSpreadsheet},
	{bytes: "\x09\x08\x10\x00", name: "an old Excel file (XLS)", fix: fixSpreadsheet},
	{bytes: "\x1f\x8b", name: "gzip-compressed", fix: "Give it the name it deserves (.csv.gz), or unpack it with gunzip"},
	{bytes: "\x28\xb5\x2f\xfd", name: "zstd-compressed", fix: "Give it the name it deserves (.csv.zst), or unpack it with unzstd"},
	{bytes: "BZh", name: "bzip2-compressed", fix: "Unpack it with bunzip2", binary: true},
	{bytes: "\xfd7zXZ\x00", name: "xz-compressed", fix: "Unpack it with unxz"},
	{bytes: "\x04\x22\x4d\x18", name: "lz4-compressed", fix: "Unpack it with unlz4"},
	{bytes: "7z\xbc\xaf\x27\x1c", name: "a 7-Zip archive", fix: fixUnpack},
	{bytes: "Rar!\x1a\x07", name: "a RAR archive", fix: fixUnpack},
	{offset: 257, bytes: "ustar", name: "a tar archive", fix: fixUnpack},
	{bytes: "SQLite format 3\x00", name: "a SQLite database", fix: "Export the table: sqlite3 -header -csv FILE 'SELECT * FROM t' > t.csv"},
	{bytes: "PAR1", name: "a Parquet file", fix: fixExport, binary: true},
	{bytes: "Obj\x01", name: "an Avro file", fix: fixExport},
	{bytes: "ORC", name: "an ORC file", fix: fixExport, binary: true},
	{bytes: "ARROW1", name: "an Arrow (Feather) file", fix: fixExport, binary: true},
	{bytes: "FEA1", name: "a Feather file", fix: fixExport, binary: true},
	{bytes: "\x89HDF\r\n\x1a\n", name: "an HDF5 file", fix: fixExport},
	{bytes: "PGDMP", name: "a PostgreSQL dump (custom format)", fix: "Restore it with pg_restore", binary: true},
	{bytes: "\x7fELF", name: "a program (ELF)", fix: fixOther},
	{bytes: "MZ", name: "a program (EXE)", fix: fixOther, binary: true},
	{bytes: "\xcf\xfa\xed\xfe", name: "a program (Mach-O)", fix: fixOther},
	{bytes: "\xca\xfe\xba\xbe", name: "a program", fix: fixOther},
	{bytes: "wOFF", name: "a font", fix: fixOther, binary: true},
	{bytes: "OggS", name: "an Ogg recording", fix: fixOther, binary: true},
	{bytes: "ID3", name: "an MP3 recording", fix: fixOther, binary: true},
	{bytes: "RIFF", name: "a WAV, AVI or WebP file", fix: fixOther, binary: true},
	{offset: 4, bytes: "ftyp", name: "a video", fix: fixOther, binary: true},
}

// refuseBinary names a file that is no text at all.
func refuseBinary(b []byte) error {
	head := b[:min(len(b), 4096)]
	if bytes.HasPrefix(b, []byte("PK\x03\x04")) || bytes.HasPrefix(b, []byte("PK\x05\x06")) {
		return refuseZip(b)
	}
	for _, m := range magics {
		if len(b) < m.offset || !bytes.HasPrefix(b[m.offset:], []byte(m.bytes)) {
			continue
		}
		if m.binary && controls(head) == 0 {
			continue
		}
		return &Error{Code: "binary_file", Message: "the file is " + m.name + ", not a CSV", Fix: m.fix}
	}
	return nil
}

func refuseZip(b []byte) error {
	kinds := []struct{ inside, name, fix string }{
		{"xl/", "an Excel workbook (XLSX)", fixSpreadsheet},
		{"word/", "a Word document (DOCX)", "Save the table as CSV"},
		{"ppt/", "a PowerPoint file (PPTX)", fixOther},
		{"application/vnd.oasis.opendocument", "an OpenDocument file (ODS)", fixSpreadsheet},
		{"[Content_Types].xml", "an Excel workbook or another Office file", fixSpreadsheet},
		{"META-INF/", "a Java archive", fixOther},
	}
	for _, k := range kinds {
		if bytes.Contains(b, []byte(k.inside)) {
			return &Error{Code: "binary_file", Message: "the file is " + k.name + ", not a CSV", Fix: k.fix}
		}
	}
	return &Error{Code: "binary_file", Message: "the file is a zip archive, not a CSV", Fix: "Give it the name it deserves (.zip, with one CSV inside), or unpack it"}
}

// controls counts bytes that text does not have.
func controls(b []byte) (n int) {
	for _, c := range b {
		if c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != 0x0C && c != 0x1A && (c < 0x1C || c > 0x1F) || c == 0x7F {
			n++
		}
	}
	return n
}

// refuseControls refuses text with so many control characters that it is none.
func refuseControls(text []byte) error {
	if n := controls(text); n*10 > len(text) && n > 2 {
		return &Error{
			Code:    "binary_file",
			Message: fmt.Sprintf("the file is no text: %d of its first %d bytes are control characters", n, len(text)),
			Fix:     fixNoText,
		}
	}
	return nil
}

// refuseNoise refuses bytes that are neither UTF-8 nor text in an encoding
// whose bytes below 0x20 are control characters: few of them, but of every kind.
func refuseNoise(b []byte) error {
	b = b[:min(len(b), dialectSample)]
	var kinds [256]bool
	n, different := controls(b), 0
	for _, c := range b {
		if !kinds[c] && controls([]byte{c}) > 0 {
			kinds[c] = true
			different++
		}
	}
	if different < 8 || n*33 < len(b) || utf8.Valid(b) {
		return nil
	}
	return &Error{
		Code:    "binary_file",
		Message: fmt.Sprintf("the file is no text: %d of its first %d bytes are control characters of %d kinds", n, len(b), different),
		Fix:     fixNoText,
	}
}

// refuseMarkup names text that is a document of another kind. text is UTF-8.
func refuseMarkup(text []byte, whole bool) error {
	t := bytes.TrimLeft(text, " \t\r\n")
	if len(t) == 0 {
		return nil
	}
	switch t[0] {
	case '<':
		return refuseTags(t)
	case '{', '[':
		return refuseJSON(t, whole)
	case '-':
		if bytes.HasPrefix(t, []byte("-----BEGIN ")) {
			return &Error{Code: "not_csv", Message: "the file is a key or certificate (PEM), not a CSV", Fix: fixOther}
		}
	}
	return nil
}

func refuseTags(t []byte) error {
	low := bytes.ToLower(t[:min(len(t), 1024)])
	for _, tag := range []string{"<!doctype html", "<html", "<head", "<body", "<title", "<script", "<table", "<meta"} {
		if bytes.HasPrefix(low, []byte(tag)) || bytes.HasPrefix(low, []byte("<!--")) && bytes.Contains(low, []byte(tag)) {
			return &Error{
				Code: "not_csv", Message: "the file is an HTML page, not a CSV",
				Fix: "Often it is a login or error page that was saved instead of the data: open it in a browser, and download the CSV again",
			}
		}
	}
	if bytes.HasPrefix(low, []byte("<?xml")) || bytes.HasPrefix(low, []byte("<!doctype")) || bytes.HasPrefix(low, []byte("<soap")) {
		return &Error{Code: "not_csv", Message: "the file is an XML document, not a CSV", Fix: "Ask for the data as CSV, or convert it"}
	}
	return nil
}

// refuseJSON refuses text that reads as JSON values to its end, or to the end
// of the sample. {"a":1},2 is a CSV.
func refuseJSON(t []byte, whole bool) error {
	d := json.NewDecoder(bytes.NewReader(t))
	values := 0
	for {
		var raw json.RawMessage
		err := d.Decode(&raw)
		if err == nil {
			if raw[0] != '{' && raw[0] != '[' {
				return nil
			}
			values++
			continue
		}
		switch {
		case errors.Is(err, io.EOF):
		case errors.Is(err, io.ErrUnexpectedEOF) && !whole:
			if values == 0 && !longJSON(t) {
				return nil
			}
		default:
			return nil
		}
		break
	}
	name := "a JSON document"
	if values > 1 {
		name = "JSON lines (NDJSON)"
	}
	return &Error{
		Code: "not_csv", Message: "the file is " + name + ", not a CSV",
		Fix: "Convert it, for example: jq -r '.[] | [.id, .name] | @csv' FILE > out.csv",
	}
}

// longJSON says whether a value that is cut off by the end of the sample is
// well-formed as far as it goes and holds a quoted key or a nested value.
func longJSON(t []byte) bool {
	d := json.NewDecoder(bytes.NewReader(t))
	for range 16 {
		if _, err := d.Token(); err != nil {
			return false
		}
	}
	return true
}

// refuseEmpty refuses a file without a single visible character.
func refuseEmpty(text []byte, size, bom int) error {
	rest := text
	for len(rest) > 0 {
		r, w := utf8.DecodeRune(rest)
		if r != ' ' && r != '\t' && r != '\r' && r != '\n' && r != 0xFEFF && r != 0x1A && r != 0xA0 {
			return nil
		}
		rest = rest[w:]
	}
	what := "the file is empty (0 bytes)"
	switch {
	case size > 0 && size == bom:
		what = "the file is empty: it holds only a byte order mark"
	case size > 0:
		what = "the file is empty: it holds only blanks and line ends"
	}
	return &Error{Code: "empty_file", Message: what, Fix: "Check the export that wrote it; a table without rows still needs its header line"}
}
