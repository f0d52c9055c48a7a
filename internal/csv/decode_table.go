package csv

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/transform"
)

var charmaps = map[Encoding]*charmap.Charmap{
	Windows1250: charmap.Windows1250,
	Windows1251: charmap.Windows1251,
	Windows1252: charmap.Windows1252,
	Windows1253: charmap.Windows1253,
	Windows1254: charmap.Windows1254,
	Windows1255: charmap.Windows1255,
	Windows1256: charmap.Windows1256,
	Windows1257: charmap.Windows1257,
	Windows1258: charmap.Windows1258,
	ISO8859x1:   charmap.ISO8859_1,
	ISO8859x2:   charmap.ISO8859_2,
	ISO8859x15:  charmap.ISO8859_15,
	KOI8R:       charmap.KOI8R,
}

var multibyte = map[Encoding]encoding.Encoding{
	ShiftJIS:  japanese.ShiftJIS,
	EUCJP:     japanese.EUCJP,
	ISO2022JP: japanese.ISO2022JP,
	GB18030:   simplifiedchinese.GB18030,
	Big5:      traditionalchinese.Big5,
	EUCKR:     korean.EUCKR,
}

func newConverter(e Encoding) (converter, error) {
	if m, ok := charmaps[e]; ok {
		t := &table{}
		for i := range t.text {
			v := m.DecodeByte(byte(i))
			if v == utf8.RuneError {
				v = -1
			}
			t.size[i] = uint8(putRune(t.text[i][:], v))
		}
		return t, nil
	}
	if m, ok := multibyte[e]; ok {
		f := &foreign{t: m.NewDecoder().Transformer, stateful: !e.Splittable()}
		if e == GB18030 {
			f.sound = soundGB18030
		}
		return f, nil
	}
	_, err := ParseEncoding(string(e))
	if err == nil {
		err = fmt.Errorf("csv: the encoding %q is not in its canonical spelling: use ParseEncoding", string(e))
	}
	return nil, err
}

// table decodes encodings of one byte per character.
type table struct {
	text [256][4]byte
	size [256]uint8
}

func (t *table) convert(dst, src []byte, _ bool) (n, used int) {
	for used < len(src) && n+4 <= len(dst) {
		k := asciiPrefix(dst[n:], src[used:])
		n, used = n+k, used+k
		for used < len(src) && n+4 <= len(dst) && src[used] >= utf8.RuneSelf {
			c := src[used]
			copy(dst[n:n+4], t.text[c][:])
			n += int(t.size[c])
			used++
		}
	}
	return n, used
}

// foreign decodes by x/text.
type foreign struct {
	t        transform.Transformer
	stateful bool
	// sound, if not nil, returns how many bytes of src x/text reads rightly, and
	// whether the byte there is one that it would take for a lead byte wrongly.
	sound func(src []byte) (n int, bad bool)
}

func (f *foreign) convert(dst, src []byte, atEOF bool) (n, used int) {
	if !f.stateful {
		n = asciiPrefix(dst, src)
		used = n
	}
	if used == len(src) || len(dst)-n < room {
		return n, used
	}
	src = src[used:]
	if f.sound != nil {
		if len(src) > len(dst) {
			src, atEOF = src[:len(dst)], false
		}
		good, bad := f.sound(src)
		if bad && good == 0 {
			dst[n] = invalidByte
			return n + 1, used + 1
		}
		if bad {
			src, atEOF = src[:good], true
		}
	}
	k, m, _ := f.t.Transform(dst[n:], src, atEOF)
	return n + markInvalid(dst[n:n+k]), used + m
}

// soundGB18030 looks for a lead byte before one of : ; < = > ? in the places of
// characters as x/text v0.41 finds them. That takes such a pair, before the right
// two bytes, for a character of four bytes (whose second is a digit), and so
// would swallow a delimiter.
func soundGB18030(src []byte) (n int, bad bool) {
	lead := func(c byte) bool { return 0x81 <= c && c <= 0xfe }
	for n+1 < len(src) {
		c1 := src[n+1]
		switch {
		case !lead(src[n]):
			n++
		case 0x3a <= c1 && c1 <= 0x3f:
			return n, true
		case 0x30 <= c1 && c1 <= 0x39:
			if n+3 >= len(src) {
				return len(src), false
			}
			c2, c3 := src[n+2], src[n+3]
			r := ((int(src[n]-0x81)*10+int(c1-0x30))*126+int(c2)-0x81)*10 + int(c3) - 0x30
			assigned := r < 39420 || 189000 <= r && r < 189000+0x100000
			if lead(c2) && '0' <= c3 && c3 <= '9' && assigned {
				n += 3
			}
			n++
		case c1 >= 0x40 && c1 != 0x7f && c1 != 0xff:
			n += 2
		default:
			n++
		}
	}
	return len(src), false
}

// markInvalid turns every U+FFFD in b, which x/text writes for bytes that mean
// nothing, into invalidByte and returns the new length. (GB18030 has U+FFFD as a
// character too; a file with it was damaged before, and is flagged as well.)
func markInvalid(b []byte) int {
	i := bytes.Index(b, replacement)
	if i < 0 {
		return len(b)
	}
	n := i
	for i < len(b) {
		if bytes.HasPrefix(b[i:], replacement) {
			b[n] = invalidByte
			n, i = n+1, i+len(replacement)
			continue
		}
		b[n] = b[i]
		n, i = n+1, i+1
	}
	return n
}
