package portal

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/etlportal/etlportal/internal/schema"
	"github.com/etlportal/etlportal/internal/transform"
)

// Scores of pairs by name. What a run matches by itself is above candidates.
const (
	scoreExact  = 1.0
	scoreAlike  = 0.95
	scoreMade   = 0.9
	scoreMost   = 0.85
	scoreLeast  = 0.45
	otherType   = 0.5
	mostOfEach  = 3
	bothWords   = 0.9
	wordsWithin = 0.75
)

// Candidate is a pair that only a person can decide on.
type Candidate struct {
	Source      string  `json:"source"`
	Destination string  `json:"destination"`
	Score       float64 `json:"score" doc:"0 to 1"`
	Reason      string  `json:"reason"`
}

// scored says how sure a match is, and why.
func scored(m Match, source *transform.Source, t *schema.Column) Match {
	if source == nil {
		return m
	}
	m.SourceType = source.Type.String()
	switch {
	case m.Exact:
		m.Score, m.Reason = scoreExact, "same name"
	case schema.MatchName(m.Source, m.Destination):
		m.Score, m.Reason = scoreAlike, "same name but for case, spaces, underscores or hyphens"
	default:
		m.Score, m.Reason = scoreMade, "the name that a table made for the file has"
	}
	if t == nil {
		return m
	}
	m.DestinationType = t.Type.String()
	if !converts(source.Type, t.Type) {
		m.Score *= otherType
		m.Reason += fmt.Sprintf("; but %s is not always %s", source.Type, t.Type)
	}
	return m
}

// candidates pairs what is left over on both sides by how alike the names are,
// the likeliest first, at most three of each source.
func candidates(sources []transform.Source, targets []schema.Column) []Candidate {
	out := []Candidate{}
	for i := range sources {
		var mine []Candidate
		for j := range targets {
			score, reason := alike(sources[i].Name, targets[j].Name)
			if !converts(sources[i].Type, targets[j].Type) {
				score *= otherType
				reason += fmt.Sprintf("; but %s is not always %s", sources[i].Type, targets[j].Type)
			}
			if score >= scoreLeast {
				mine = append(mine, Candidate{sources[i].Name, targets[j].Name, score, reason})
			}
		}
		likeliest(mine)
		out = append(out, mine[:min(len(mine), mostOfEach)]...)
	}
	likeliest(out)
	return out
}

func likeliest(c []Candidate) {
	slices.SortStableFunc(c, func(a, b Candidate) int { return cmp.Compare(b.Score, a.Score) })
}

// short are the words that columns are abbreviated by.
var short = map[string]string{
	"amt": "amount", "addr": "address", "avg": "average", "cat": "category", "cd": "code", "cnt": "count", "ctry": "country", "cust": "customer", "desc": "description",
	"dob": "birthdate", "dt": "date", "fname": "firstname", "lname": "lastname", "mail": "email", "nr": "number", "no": "number", "num": "number", "ord": "order",
	"org": "organisation", "pct": "percent", "phone": "telephone", "prod": "product", "qty": "quantity", "ref": "reference", "tel": "telephone", "ts": "timestamp",
	"txn": "transaction", "val": "value", "yr": "year", "zip": "postcode", "zipcode": "postcode",
}

// words are a name's, in lower case and unabbreviated: "custID" is customer and id.
func words(name string) []string {
	var out []string
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			w := word.String()
			if long := short[w]; long != "" {
				w = long
			}
			out = append(out, w)
			word.Reset()
		}
	}
	lower := false
	for _, r := range name {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			end()
			lower = false
			continue
		case unicode.IsUpper(r) && lower:
			end()
		}
		lower = unicode.IsLower(r)
		word.WriteRune(unicode.ToLower(r))
	}
	end()
	return out
}

// alike compares two names, 0 to scoreMost, and says in what they are alike.
func alike(a, b string) (score float64, reason string) {
	x, y := words(a), words(b)
	in := func(all []string) func(string) bool {
		return func(w string) bool { return !slices.Contains(all, w) }
	}
	switch {
	case len(x) == 0 || len(y) == 0:
		return 0, ""
	case !slices.ContainsFunc(x, in(y)) && !slices.ContainsFunc(y, in(x)):
		return bothWords * scoreMost, "the same words: " + strings.Join(y, " ")
	case !slices.ContainsFunc(x, in(y)):
		return wordsWithin * scoreMost, "its words are among the column's: " + strings.Join(x, " ")
	case !slices.ContainsFunc(y, in(x)):
		return wordsWithin * scoreMost, "the column's words are among its: " + strings.Join(y, " ")
	}
	return dice(strings.Join(x, ""), strings.Join(y, "")) * scoreMost, "spelt alike"
}

// dice is Dice's coefficient of two texts' pairs of neighbouring letters.
func dice(a, b string) float64 {
	pairs := func(s string) map[[2]rune]int {
		out := map[[2]rune]int{}
		r := []rune(s)
		for i := 1; i < len(r); i++ {
			out[[2]rune{r[i-1], r[i]}]++
		}
		return out
	}
	x, y := pairs(a), pairs(b)
	both, all := 0, 0
	for p, n := range x {
		both += min(n, y[p])
		all += n
	}
	for _, n := range y {
		all += n
	}
	if all == 0 {
		return 0
	}
	return 2 * float64(both) / float64(all)
}
