package sniff

import (
	"bytes"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/etlportal/etlportal/internal/csv"
)

// encodingSample is how many bytes are looked at for encodings other than UTF-8.
const encodingSample = 256 << 10

// detectEncoding asks in the order of certainty: byte order mark, zero bytes,
// UTF-8 validity, and only then statistics.
func detectEncoding(sample []byte, atEOF bool, o Options) (csv.Encoding, int, Decision) {
	bomEncoding, bom := csv.DetectBOM(sample)
	d := Decision{What: "encoding"}
	if o.Encoding != nil {
		d.Value, d.Confidence, d.Evidence = string(*o.Encoding), 1, []string{"given by flag"}
		if bom > 0 && bomEncoding != *o.Encoding {
			d.Evidence = append(d.Evidence, fmt.Sprintf("but the file starts with the byte order mark of %s", bomEncoding))
			bom = 0
		}
		return *o.Encoding, bom, d
	}
	if bom > 0 {
		d.Value, d.Confidence = string(bomEncoding), 1
		d.Evidence = []string{"the file starts with its byte order mark"}
		return bomEncoding, bom, d
	}
	b := sample[:min(len(sample), encodingSample)]
	if e, why := zeroPattern(b); e != "" {
		d.Value, d.Confidence, d.Evidence = string(e), 0.95, []string{why}
		return e, 0, d
	}
	if escaped(b) {
		d.Value, d.Confidence, d.Evidence = string(csv.ISO2022JP), 0.95, []string{"escape sequences of ISO-2022-JP switch between alphabets"}
		return csv.ISO2022JP, 0, d
	}
	good, bad, first := utf8Counts(sample, atEOF)
	switch {
	case good == 0 && bad == 0:
		d.Value, d.Confidence = string(csv.UTF8), 0.95
		what := "the sample is ASCII"
		if atEOF {
			what = "the file is ASCII"
		}
		d.Evidence = []string{what + ", which reads the same in all but UTF-16 and UTF-32"}
		return csv.UTF8, 0, d
	case bad == 0:
		d.Value, d.Confidence = string(csv.UTF8), 1-0.2/float64(good+1)
		d.Evidence = []string{fmt.Sprintf("all %d characters beyond ASCII are valid UTF-8", good)}
		if good == 1 {
			d.Evidence[0] = "the only character beyond ASCII is valid UTF-8"
		}
		return csv.UTF8, 0, d
	case mostlyUTF8(good, bad, len(sample)):
		d.Value, d.Confidence = string(csv.UTF8), 0.8
		if good < 20*bad {
			d.Confidence = 0.6
		}
		d.Evidence = []string{fmt.Sprintf("%s valid UTF-8, %s not, the first at byte %d: those rows are bad",
			plural(good, "character beyond ASCII is", "characters beyond ASCII are"), plural(bad, "byte is", "bytes are"), first)}
		return csv.UTF8, 0, d
	}
	if first >= len(b) {
		from := bytes.LastIndexByte(sample[:first], '\n') + 1
		b = sample[from:min(len(sample), first+encodingSample)]
	}
	e, confidence, evidence := legacy(b)
	d.Value, d.Confidence = string(e), confidence
	d.Evidence = append([]string{fmt.Sprintf("not UTF-8: byte %d (0x%02X) breaks it", first, sample[first])}, evidence...)
	return e, 0, d
}

// mostlyUTF8 says of text with good valid characters beyond ASCII and bad
// invalid bytes whether it is damaged UTF-8. In other encodings two bytes look
// like a character now and then, most often in half-width katakana; so few
// valid ones only count in a text that is ASCII otherwise.
func mostlyUTF8(good, bad, size int) bool {
	return good >= 4*bad || bad <= 2 && good >= bad && (2*good+bad)*50 < size
}

// zeroPattern recognises UTF-16 and UTF-32 without a mark: text in them has
// its zero bytes at places of one remainder. A few NULs make no UTF-16.
func zeroPattern(b []byte) (csv.Encoding, string) {
	b = b[:min(len(b), 16<<10)&^3]
	var zero [4]int
	for i, c := range b {
		if c == 0 {
			zero[i&3]++
		}
	}
	n := len(b) / 4
	total := zero[0] + zero[1] + zero[2] + zero[3]
	if n == 0 || total == 0 {
		return "", ""
	}
	const most = 0.9
	share := func(i int) float64 { return float64(zero[i]) / float64(n) }
	switch {
	case share(2) > most && share(3) > most && share(0) < 0.1:
		return csv.UTF32LE, "two of four bytes are zero throughout"
	case share(0) > most && share(1) > most && share(3) < 0.1:
		return csv.UTF32BE, "two of four bytes are zero throughout"
	}
	even, odd := zero[0]+zero[2], zero[1]+zero[3]
	evidence := func(place string) string {
		return fmt.Sprintf("%d %% of the bytes are zero, nearly all at %s places", total*100/len(b), place)
	}
	// Alphabets other than Latin have zero bytes in delimiters and digits only;
	// such text is hardly readable byte by byte, which text with NULs is.
	if total*10 < 3*len(b) && (total*40 < len(b) || plainShare(b) > 0.8) {
		return "", ""
	}
	switch {
	case odd > 9*even && utf16Text(b, 0):
		return csv.UTF16LE, evidence("odd")
	case even > 9*odd && utf16Text(b, 1):
		return csv.UTF16BE, evidence("even")
	}
	return "", ""
}

// plainShare is the share of b that reads as UTF-8 text without control characters.
func plainShare(b []byte) float64 {
	plain := 0
	for i := 0; i < len(b); {
		r, w := utf8.DecodeRune(b[i:])
		if r >= 0x20 && (r != utf8.RuneError || w > 1) || r == '\n' || r == '\r' || r == '\t' {
			plain += w
		}
		i += w
	}
	return float64(plain) / float64(len(b))
}

// utf16Text says whether the line ends in b are those of UTF-16, with the low
// byte at remainder low, and control characters are rare.
func utf16Text(b []byte, low int) bool {
	controls, ends := 0, 0
	for i := 0; i+1 < len(b); i += 2 {
		if b[i+1-low] != 0 {
			continue
		}
		switch c := b[i+low]; {
		case c == '\n':
			ends++
		case c < 0x20 && c != '\r' && c != '\t':
			controls++
		}
	}
	return controls*50 <= len(b) && 2*ends >= bytes.Count(b, []byte{'\n'})
}

// escaped says whether b is 7-bit text with the escapes of ISO-2022-JP.
func escaped(b []byte) bool {
	if !bytes.Contains(b, []byte("\x1b$B")) && !bytes.Contains(b, []byte("\x1b$@")) {
		return false
	}
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return bytes.Contains(b, []byte("\x1b(B")) || bytes.Contains(b, []byte("\x1b(J"))
}

// utf8Counts counts valid characters beyond ASCII and invalid bytes, and finds
// the first invalid one. A character cut off by the end of the sample is fine.
func utf8Counts(b []byte, whole bool) (good, bad, first int) {
	first = -1
	for i := 0; i < len(b); {
		if b[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, w := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && w <= 1 {
			if !whole && len(b)-i < utf8.UTFMax && !utf8.FullRune(b[i:]) {
				break
			}
			if first < 0 {
				first = i
			}
			bad++
			i++
			continue
		}
		good++
		i += w
	}
	return good, bad, first
}

// decode reads the sample as UTF-8. A character cut off by the end of the
// sample is dropped.
func decode(sample []byte, e csv.Encoding, atEOF bool) ([]byte, error) {
	text, err := io.ReadAll(e.Decode(bytes.NewReader(sample)))
	if err != nil {
		return nil, err
	}
	if !atEOF {
		for range utf8.UTFMax {
			if n := len(text); n > 0 && !utf8.Valid(text[max(0, n-utf8.UTFMax):]) {
				if r, _ := utf8.DecodeLastRune(text); r == utf8.RuneError {
					text = text[:n-1]
					continue
				}
			}
			break
		}
	}
	return text, nil
}
