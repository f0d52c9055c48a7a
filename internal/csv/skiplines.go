package csv

import (
	"bytes"
	"fmt"
	"io"
)

// SkipLines returns the offset in raw after the byte order mark of bom bytes and
// n physical lines, or size where there are fewer. Lines end at LF, with
// NewlineCR at a lone CR too, without regard to quotes. It reads raw in order,
// 64 KiB at a time; errors are those of raw.
func SkipLines(raw io.ReaderAt, size int64, e Encoding, bom int, n int, nl Newline) (offset int64, err error) {
	offset = min(int64(bom), size)
	unit := e.unit()
	buf := make([]byte, 64<<10)
	afterCR := false
	for at := offset; n > 0 || afterCR; {
		k, err := raw.ReadAt(buf[:min(int64(len(buf)), size-at)], at)
		if k < unit {
			if err == nil || err == io.EOF {
				return size, nil
			}
			return 0, fmt.Errorf("skipping lines at byte %d: %w", at, err)
		}
		k -= k % unit
		for i := 0; i < k; i += unit {
			if unit == 1 && nl == NewlineLF {
				j := bytes.IndexByte(buf[i:k], '\n')
				if j < 0 {
					break
				}
				i += j
			}
			c := e.ascii(buf[i : i+unit])
			switch {
			case afterCR && c == '\n': // the CR's line has been counted
				offset = at + int64(i+unit)
			case n == 0:
				return offset, nil
			case c == '\n' || c == '\r' && nl == NewlineCR:
				n--
				offset = at + int64(i+unit)
				if n == 0 && c == '\n' {
					return offset, nil
				}
			}
			afterCR = c == '\r' && nl == NewlineCR
			if n == 0 && !afterCR {
				return offset, nil
			}
		}
		at += int64(k)
		if n == 0 && !afterCR {
			break
		}
	}
	return offset, nil
}

// ascii returns the ASCII character that a code unit is, or 0.
func (e Encoding) ascii(unit []byte) byte {
	last := len(unit) - 1
	c, zeros := unit[0], unit[1:]
	if e.bigEndian() {
		c, zeros = unit[last], unit[:last]
	}
	for _, z := range zeros {
		if z != 0 {
			return 0
		}
	}
	return c
}
