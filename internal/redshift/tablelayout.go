package redshift

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/etlportal/etlportal/internal/schema"
)

// distStyles are the words for RELEFFECTIVEDISTSTYLE of PG_CLASS_INFO
// (https://docs.aws.amazon.com/redshift/latest/dg/r_PG_CLASS_INFO.html).
var distStyles = map[string]string{"0": "EVEN", "1": "KEY", "8": "ALL", "10": "AUTO(ALL)", "11": "AUTO(EVEN)", "12": "AUTO(KEY)"}

// Layout implements etl.LayoutTeller. SVV_TABLE_INFO would tell more, but has
// neither empty tables nor, for most users, a row
// (https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_TABLE_INFO.html). What two
// views tell is asked for in two statements: of a view that the user may not
// read the other's answer does not depend.
func (r *Redshift) Layout(ctx context.Context, t *schema.Table) schema.TableLayout {
	var l schema.TableLayout
	// https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_REDSHIFT_COLUMNS.html
	rows, err := r.ask(ctx, "reading the table's layout", fmt.Sprintf(`SELECT column_name, encoding, CASE WHEN distkey THEN 1 ELSE 0 END, sortkey
FROM svv_redshift_columns WHERE database_name = CURRENT_DATABASE() AND schema_name = %s AND table_name = %s ORDER BY ABS(sortkey), column_name`, literal(t.Schema), literal(t.Name)))
	if err == nil {
		l = layoutOf(rows)
	}
	rows, err = r.ask(ctx, "reading the table's distribution", fmt.Sprintf(`SELECT i.releffectivediststyle
FROM pg_class_info i JOIN pg_namespace n ON n.oid = i.relnamespace WHERE n.nspname = %s AND i.relname = %s`, literal(t.Schema), literal(t.Name)))
	if err == nil && len(rows) == 1 {
		l.DistStyle = distStyles[text(rows[0][0])]
	}
	return l
}

// layoutOf reads rows of columns, those of the sort key in its order. Every other
// place in one that is INTERLEAVED is negative, so that one of a single column may
// be either.
func layoutOf(rows [][]*string) schema.TableLayout {
	var l schema.TableLayout
	for _, row := range rows {
		name := text(row[0])
		if word := strings.ToUpper(text(row[1])); word != "" {
			if l.Encodings == nil {
				l.Encodings = make(map[string]string, len(rows))
			}
			if word == "NONE" {
				word = "RAW"
			}
			l.Encodings[name] = word
		}
		if text(row[2]) == "1" {
			l.DistKey = name
		}
		place, err := strconv.Atoi(text(row[3]))
		if err != nil || place == 0 {
			continue
		}
		l.SortKeys = append(l.SortKeys, name)
		switch {
		case place < 0:
			l.SortStyle = interleaved
		case len(l.SortKeys) > 1:
			l.SortStyle = cmp.Or(l.SortStyle, compound)
		}
	}
	return l
}
