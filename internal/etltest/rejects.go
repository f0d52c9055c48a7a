package etltest

import "github.com/etlportal/etlportal/internal/etl"

// Rejects are the rows of a list; it panics where they cannot be read.
func Rejects(list *etl.Rejects) []etl.Reject {
	var rows []etl.Reject
	for r, err := range list.All() {
		if err != nil {
			panic(err) //nolint:forbidigo // tests alone call it
		}
		rows = append(rows, r)
	}
	return rows
}

// RejectsOf is a list of rows; it panics where it cannot be made.
func RejectsOf(rows ...etl.Reject) *etl.Rejects {
	list := &etl.Rejects{}
	for i := range rows {
		if err := list.Add(&rows[i]); err != nil {
			panic(err) //nolint:forbidigo // tests alone call it
		}
	}
	return list
}
