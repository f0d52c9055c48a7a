package load

import (
	"fmt"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
)

// Codes of ragged rows.
const (
	codeShortRow etl.Code = "short_row"
	codeLongRow  etl.Code = "long_row"
)

// Fit makes a record as wide as the names of its file, or says why it cannot:
// surplus fields that are empty go, missing ones become empty where padShort
// says so.
func Fit(rec *csv.Record, names []string, padShort bool) *etl.Reject {
	n, width := len(rec.Fields), len(names)
	if n < width {
		if !padShort {
			return &etl.Reject{
				Line: rec.Pos.Line, Code: codeShortRow,
				Reason: fmt.Sprintf("the row has %s, the header has %d: %q is the first that is missing", fields(n), width, names[n]),
			}
		}
		for len(rec.Fields) < width {
			rec.Fields, rec.Quoted = append(rec.Fields, nil), append(rec.Quoted, false)
		}
		return nil
	}
	for i := width; i < n; i++ {
		if len(rec.Fields[i]) > 0 {
			return &etl.Reject{
				Line: rec.Pos.Line, Code: codeLongRow, Value: cut(string(rec.Fields[i])),
				Reason: fmt.Sprintf("the row has %s, the header has %d: is a delimiter inside a value not quoted?", fields(n), width),
			}
		}
	}
	rec.Fields, rec.Quoted = rec.Fields[:width], rec.Quoted[:width]
	return nil
}

func fields(n int) string {
	if n == 1 {
		return "1 field"
	}
	return fmt.Sprintf("%d fields", n)
}
