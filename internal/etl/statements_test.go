package etl_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etl"
)

// Whoever corrects what is told first learns of the rest at once: every problem
// has its fix, and none is told twice.
func TestTableMistake(t *testing.T) {
	require.NoError(t, etl.TableMistake(nil))
	for want, problems := range map[string][]etl.TableProblem{
		"Shorten it": {{Column: "a", Code: "name_too_long", Reason: "a is long", Fix: "Shorten it"}, {Column: "b", Code: "name_too_long", Reason: "b is long", Fix: "Shorten it."}},
		"Shorten it; Map fewer columns": {
			{Column: "a", Code: "name_too_long", Reason: "a is long", Fix: "Shorten it."}, {Code: "too_many_columns", Reason: "they are many", Fix: "Map fewer columns"}, {Reason: "c"},
		},
	} {
		err := etl.TableMistake(problems)
		e := &etl.Error{}
		require.ErrorAs(t, err, &e)
		require.Equal(t, want, e.Fix)
		require.Equal(t, etl.Code("name_too_long"), e.Code)
		require.Equal(t, "a", e.Column)
		for _, p := range problems {
			require.Contains(t, e.Message, p.Reason)
		}
	}
}
