package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
)

// Whatever is in the rows, and whichever of them the database refused, a rejects
// file has them by their lines, and nothing is left beside it.
func TestRejectsFileIsInOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	wild := []string{"", "a", "a,b", `say "a"`, "two\nlines", "\r\n", `"`, `",1,"`, "x,9,y", string(bytes.Repeat([]byte("long,\n"), 2000))}
	one := func(line int) *etl.Reject {
		pick := func() string { return wild[random.IntN(len(wild))] }
		r := &etl.Reject{Line: int64(line), Column: pick(), Reason: pick()}
		switch random.IntN(4) {
		case 0:
			r.Raw = []byte(pick())
		case 1:
			r.Fields = []string{pick(), pick(), pick(), pick()}
		default:
			r.Fields = []string{pick(), pick()}
		}
		return r
	}
	for range 50 {
		dir := t.TempDir()
		r, err := newRejectFile(filepath.Join(dir, "bad.csv"), "none")
		require.NoError(t, err)
		r.columns = func() []string { return []string{"id", "a \"b\",\nc"} }
		var found, refused []int
		for line := range 60 {
			switch random.IntN(3) {
			case 0:
				found = append(found, line+2)
			case 1:
				refused = append(refused, line+2)
			}
		}
		if random.IntN(5) == 0 {
			require.NoError(t, r.write(one(100)))
			require.NoError(t, r.write(one(1)))
			require.NoError(t, r.restart())
		}
		for _, line := range found {
			require.NoError(t, r.write(one(line)))
		}
		require.NoError(t, r.flush())
		for _, line := range refused {
			require.NoError(t, r.write(one(line)))
		}
		require.NoError(t, r.close(true))

		text, err := os.ReadFile(filepath.Join(dir, "bad.csv"))
		require.NoError(t, err)
		records, err := csv.NewReader(bytes.NewReader(text), csv.Dialect{Delimiter: ",", Quote: '"', Header: 1}, csv.Options{})
		require.NoError(t, err)
		var lines []int
		for {
			rec, err := records.Read()
			if err != nil {
				break
			}
			require.Nil(t, rec.Bad)
			require.Len(t, rec.Fields, 5)
			line, err := strconv.Atoi(string(rec.Fields[2]))
			require.NoError(t, err)
			lines = append(lines, line)
		}
		want := slices.Sorted(slices.Values(slices.Concat(found, refused)))
		require.Equal(t, want, lines)
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Len(t, left, 1)
	}
}
