package redshift

import (
	"github.com/etlportal/etlportal/internal/etl"
)

// fits says whether the road takes the statements that would publish a load, so
// that it is known before anything is staged.
func (r *Redshift) fits(spec *etl.LoadSpec) error {
	road, ok := r.run.(etl.Bounded)
	if !ok {
		return nil
	}
	const longest = "a-load-of-the-longest-id-that-there-may-b"
	p := &publication{
		r: r, spec: spec, columns: storages(spec), load: longest, mark: markOf(spec.Table.Schema, spec.Table.Name), prefix: r.home(longest), null: openStage{Nonce: nonce()}.null(),
		parts: make([]part, 1), nonce: nonce(), notes: notes(spec),
	}
	return road.Takes(p.full().sql...)
}
