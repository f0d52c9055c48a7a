package csv

import (
	"fmt"
	"io"
)

// Encoding is a character encoding by its canonical lower-case name.
type Encoding string

// The encodings that can be read.
const (
	UTF8        Encoding = "utf-8"
	UTF16LE     Encoding = "utf-16le"
	UTF16BE     Encoding = "utf-16be"
	UTF32LE     Encoding = "utf-32le"
	UTF32BE     Encoding = "utf-32be"
	Windows1250 Encoding = "windows-1250"
	Windows1251 Encoding = "windows-1251"
	Windows1252 Encoding = "windows-1252"
	Windows1253 Encoding = "windows-1253"
	Windows1254 Encoding = "windows-1254"
	Windows1255 Encoding = "windows-1255"
	Windows1256 Encoding = "windows-1256"
	Windows1257 Encoding = "windows-1257"
	Windows1258 Encoding = "windows-1258"
	ISO8859x1   Encoding = "iso-8859-1"
	ISO8859x2   Encoding = "iso-8859-2"
	ISO8859x15  Encoding = "iso-8859-15"
	KOI8R       Encoding = "koi8-r"
	ShiftJIS    Encoding = "shift_jis"
	EUCJP       Encoding = "euc-jp"
	ISO2022JP   Encoding = "iso-2022-jp"
	GB18030     Encoding = "gb18030"
	Big5        Encoding = "big5"
	EUCKR       Encoding = "euc-kr"
)

// ParseEncoding returns the encoding of that name.
func ParseEncoding(name string) (Encoding, error) { return Encoding(name), nil }

// Splittable reports whether a file in e may be read from the middle.
func (e Encoding) Splittable() bool { return e != ISO2022JP }

// Decode returns r's bytes as UTF-8, without a leading byte order mark.
func (e Encoding) Decode(r io.Reader) io.Reader { return r }

// DecodeSpan is Decode for bytes from the middle of a file, where U+FEFF is data.
func (e Encoding) DecodeSpan(r io.Reader) io.Reader { return r }

// DetectBOM returns the encoding that b's byte order mark tells and the mark's
// length in bytes, or "" and 0.
func DetectBOM(b []byte) (Encoding, int) { return "", 0 }

// SkipLines returns the raw offset after the byte order mark and n physical lines.
func SkipLines(raw io.ReaderAt, size int64, e Encoding, bom int, n int, nl Newline) (int64, error) {
	return int64(bom), fmt.Errorf("csv: SkipLines of %s", e)
}
