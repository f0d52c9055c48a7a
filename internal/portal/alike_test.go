package portal

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/schema"
	"github.com/etlportal/etlportal/internal/transform"
)

func TestNamesThatAreAlike(t *testing.T) {
	for name, want := range map[string][]string{
		"custID": {"customer", "id"}, "Order No.": {"order", "number"}, "qty_sold2": {"quantity", "sold2"}, "": nil, "--": nil, "ÄnderungsDatum": {"änderungs", "datum"},
	} {
		require.Equal(t, want, words(name), name)
	}
	for pair, atLeast := range map[[2]string]float64{
		{"cust_id", "customer_id"}: 0.7, {"Qty", "quantity"}: 0.7, {"amount", "total_amount"}: 0.6, {"Customer Name", "name"}: 0.6, {"colour", "color"}: 0.5,
	} {
		score, reason := alike(pair[0], pair[1])
		require.GreaterOrEqual(t, score, atLeast, pair)
		require.LessOrEqual(t, score, scoreMost)
		require.NotEmpty(t, reason)
		back, _ := alike(pair[1], pair[0])
		require.InDelta(t, score, back, 1e-9, "either way")
	}
	for _, pair := range [][2]string{{"amount", "day"}, {"id", "name"}, {"", "x"}, {"a", "b"}} {
		score, _ := alike(pair[0], pair[1])
		require.Less(t, score, scoreLeast, pair)
	}
}

func TestCandidates(t *testing.T) {
	integer, text := schema.Type{Kind: schema.Integer}, schema.Type{Kind: schema.Text}
	sources := []transform.Source{{Name: "cust", Type: text}, {Name: "qty", Type: integer}, {Name: "zzz", Type: text}}
	targets := []schema.Column{{Name: "customer", Type: text}, {Name: "quantity", Type: integer}, {Name: "customer_id", Type: integer}}
	got := candidates(sources, targets)
	require.Len(t, got, 2, got)
	require.ElementsMatch(t, []string{"customer", "quantity"}, []string{got[0].Destination, got[1].Destination}, "a text is no id")
}
