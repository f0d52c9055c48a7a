package csv

import (
	"fmt"
	"strings"
)

// Encoding is a character encoding by its canonical lower-case name. The zero
// value reads as UTF8.
type Encoding string

// The encodings that can be read. The Windows and East Asian ones follow the
// WHATWG Encoding Standard's tables: ShiftJIS is Windows-31J, GB18030 reads GBK
// and GB2312, Big5 reads HKSCS, EUCKR reads code page 949.
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

var encodings = []Encoding{
	UTF8, UTF16LE, UTF16BE, UTF32LE, UTF32BE,
	Windows1250, Windows1251, Windows1252, Windows1253, Windows1254, Windows1255, Windows1256, Windows1257, Windows1258,
	ISO8859x1, ISO8859x2, ISO8859x15, KOI8R, ShiftJIS, EUCJP, ISO2022JP, GB18030, Big5, EUCKR,
}

// aliases leads from names, spelled as plainName leaves them, to encodings.
var aliases = func() map[string]Encoding {
	aliases := map[string]Encoding{
		"utf8sig": UTF8, "utf8bom": UTF8, "ascii": UTF8, "usascii": UTF8, "unicode11utf8": UTF8, "65001": UTF8, "cp65001": UTF8,
		"utf16": UTF16LE, "ucs2": UTF16LE, "ucs2le": UTF16LE, "unicode": UTF16LE, "cp1200": UTF16LE, "ucs2be": UTF16BE, "cp1201": UTF16BE,
		"utf32": UTF32LE, "ucs4": UTF32LE, "ucs4le": UTF32LE, "ucs4be": UTF32BE,
		"ansi":   Windows1252,
		"latin1": ISO8859x1, "l1": ISO8859x1, "iso88591": ISO8859x1,
		"latin2": ISO8859x2, "l2": ISO8859x2, "iso88592": ISO8859x2,
		"latin9": ISO8859x15, "l9": ISO8859x15, "iso885915": ISO8859x15, "latin0": ISO8859x15,
		"latin5": Windows1254, "l5": Windows1254, "iso88599": Windows1254,
		"koi8": KOI8R,
		"sjis": ShiftJIS, "shiftjis": ShiftJIS, "cp932": ShiftJIS, "ms932": ShiftJIS, "windows31j": ShiftJIS, "mskanji": ShiftJIS, "xsjis": ShiftJIS, "windows932": ShiftJIS,
		"ujis": EUCJP, "eucjis": EUCJP, "xeucjp": EUCJP,
		"jis": ISO2022JP, "csiso2022jp": ISO2022JP,
		"gbk": GB18030, "gb2312": GB18030, "cp936": GB18030, "windows936": GB18030, "ms936": GB18030, "euccn": GB18030, "gb180302000": GB18030,
		"big5hkscs": Big5, "cp950": Big5, "windows950": Big5, "big5eten": Big5,
		"cp949": EUCKR, "uhc": EUCKR, "windows949": EUCKR, "ksc56011987": EUCKR, "ksc5601": EUCKR, "ksx1001": EUCKR, "korean": EUCKR,
	}

	for _, e := range encodings {
		aliases[plainName(string(e))] = e
	}
	for _, page := range []Encoding{Windows1250, Windows1251, Windows1252, Windows1253, Windows1254, Windows1255, Windows1256, Windows1257, Windows1258} {
		number := strings.TrimPrefix(string(page), "windows-")
		aliases[number], aliases["cp"+number], aliases["win"+number], aliases["xcp"+number] = page, page, page, page
	}
	return aliases
}()

// plainName drops what spellings of one name differ in.
func plainName(name string) string {
	return strings.NewReplacer("-", "", "_", "", " ", "", ".", "", ":", "").Replace(strings.ToLower(name))
}

// ParseEncoding returns the encoding of that name or common alias (latin1,
// cp1252, sjis, gbk, utf-8-sig, …) in any case, with or without hyphens. UTF-16
// and UTF-32 without a byte order are little-endian. The error names all
// canonical names.
func ParseEncoding(name string) (Encoding, error) {
	if e, ok := aliases[plainName(name)]; ok {
		return e, nil
	}
	known := make([]string, len(encodings))
	for i, e := range encodings {
		known[i] = string(e)
	}
	return "", fmt.Errorf("csv: the encoding %q is unknown: use one of %s", name, strings.Join(known, ", "))
}

// Splittable reports whether a file in e may be cut at record starts and read
// from there: not where a character's meaning depends on all before it.
func (e Encoding) Splittable() bool { return e != ISO2022JP }

// unit is the size of a code unit in bytes.
func (e Encoding) unit() int {
	switch e {
	case UTF16LE, UTF16BE:
		return 2
	case UTF32LE, UTF32BE:
		return 4
	}
	return 1
}

func (e Encoding) bigEndian() bool { return e == UTF16BE || e == UTF32BE }

// DetectBOM returns the encoding that the byte order mark at the start of b
// tells and the mark's length in bytes, or "" and 0 where there is none. Four
// bytes are enough to decide.
func DetectBOM(b []byte) (Encoding, int) {
	for _, e := range []Encoding{UTF8, UTF32LE, UTF32BE, UTF16LE, UTF16BE} {
		mark := e.bom()
		if len(b) >= len(mark) && string(b[:len(mark)]) == mark {
			return e, len(mark)
		}
	}
	return "", 0
}

// bom returns U+FEFF in e, or "" where e has none by custom.
func (e Encoding) bom() string {
	switch e {
	case UTF8, "":
		return "\xef\xbb\xbf"
	case GB18030:
		return "\x84\x31\x95\x33"
	case UTF16LE:
		return "\xff\xfe"
	case UTF16BE:
		return "\xfe\xff"
	case UTF32LE:
		return "\xff\xfe\x00\x00"
	case UTF32BE:
		return "\x00\x00\xfe\xff"
	}
	return ""
}
