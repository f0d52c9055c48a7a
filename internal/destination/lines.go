package destination

import (
	"regexp"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
)

// remembered bounds the rows whose lines are known, by the bytes that they took
// on the wire: many times what sockets and the server can hold of a stream
// beyond the row that the server is at.
const remembered = 32 << 20

// ledger knows the file lines of the rows sent last.
type ledger struct {
	batches []sent
	rows    int64
	bytes   int
}

type sent struct {
	first int64 // 0-based number of the batch's first row within the load
	bytes int
	runs  []run
}

func (l *ledger) add(b *batch) {
	l.batches = append(l.batches, sent{first: l.rows, bytes: len(b.buf), runs: append([]run(nil), b.runs...)})
	l.rows += int64(b.rows)
	l.bytes += len(b.buf)
	for len(l.batches) > 1 && l.bytes-l.batches[0].bytes > remembered {
		l.bytes -= l.batches[0].bytes
		l.batches = l.batches[1:]
	}
}

// line is the file line of a 0-based row.
func (l *ledger) line(row int64) (int64, bool) {
	if row >= l.rows {
		return 0, false
	}
	for i := len(l.batches) - 1; i >= 0; i-- {
		b := &l.batches[i]
		if row < b.first {
			continue
		}
		in := int(row - b.first)
		for _, r := range slices.Backward(b.runs) {
			if r.row <= in {
				return r.line + int64(in-r.row)*r.stride, true
			}
		}
	}
	return 0, false
}

// copyContext is how a server that speaks English ends the context of an error
// in COPY; in binary mode its "line" counts rows. In another language the row
// stays unknown here and is found by asking again (etl.NeedsExplain), because a
// wrong line is worse than none.
var copyContext = regexp.MustCompile(`(?s)(?:^|\n)COPY (.*), line (\d+)(?:, column (.*))?$`)

// copyRow is the 0-based row that the server was at, and the column where it was
// in one.
func copyRow(e *pgconn.PgError, table string) (row int64, column string, ok bool) {
	m := copyContext.FindStringSubmatch(e.Where)
	if m == nil || m[1] != table {
		return 0, "", false
	}
	n, err := strconv.ParseInt(m[2], 10, 64)
	if err != nil || n < 1 {
		return 0, "", false
	}
	return n - 1, m[3], true
}
