package redshift

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/etlportal/etlportal/internal/etl"
)

// notesKept is JSON as the ledger takes it.
func notesKept(notes []string) string {
	text, err := json.Marshal(notes)
	if err != nil || len(text) > maxVarchar/4 || notes == nil {
		return "[]"
	}
	return string(text)
}

// nullable says that a key of a staged row may have no value.
func (p *publication) nullable() bool {
	return slices.ContainsFunc(p.columns, func(c stored) bool { return !c.notNull && slices.Contains(p.spec.Keys, c.name) })
}

// counted are the columns of the counts.
type counted struct{ final, unkeyed, matched, touched string }

// observation is something worth telling that is known within the transaction alone.
type observation struct {
	// holds is the condition, of the counts, under which it is told.
	holds string
	text  func(counted) string
}

// observations are those that a load may make.
func (p *publication) observations() []observation {
	if p.spec.Strategy != etl.Upsert {
		return nil
	}
	keys := strings.Join(p.spec.Keys, ", ")
	var all []observation
	if p.nullable() {
		all = append(all, observation{"unkeyed > 0", func(c counted) string {
			return fmt.Sprintf("%s rows have NULL in their key (%s), which equals no other: each load adds them anew", c.unkeyed, keys)
		}})
	}
	switch {
	case p.spec.Create:
	case p.merge(p.final()) == "":
		all = append(all, observation{"matched > 0", func(c counted) string {
			return fmt.Sprintf("%s rows are in the table already and stay as they are, as all columns are keys: they count as updated, and nothing was written for them", c.matched)
		}})
	default:
		all = append(all, observation{"touched > matched", func(c counted) string {
			return fmt.Sprintf("the table has several rows of one key (%s): %s of its rows are updated by %s of the file, which are what counts as updated", keys, c.touched, c.matched)
		}})
	}
	return all
}

// notesOf is the expression of what the ledger notes of a load.
func (p *publication) notesOf() string {
	// In the place of numbers are words that no note has.
	words := counted{unkeyed: p.nonce + "-u", matched: p.nonce + "-m", touched: p.nonce + "-t"}
	sql := p.noted(slices.Clip(p.notes), p.observations(), words)
	for _, c := range [...][2]string{{words.unkeyed, "unkeyed"}, {words.matched, "matched"}, {words.touched, "touched"}} {
		if strings.Contains(sql, c[0]) {
			sql = fmt.Sprintf("REPLACE(%s, %s, CAST(%s AS VARCHAR(20)))", sql, literal(c[0]), c[1])
		}
	}
	return sql
}

// noted is the expression of some notes and of those observations that hold.
func (p *publication) noted(notes []string, open []observation, words counted) string {
	if len(open) == 0 {
		return literal(notesKept(notes))
	}
	o := open[0]
	return fmt.Sprintf("CASE WHEN %s THEN %s ELSE %s END", o.holds, p.noted(append(slices.Clip(notes), o.text(words)), open[1:], words), p.noted(notes, open[1:], words))
}
