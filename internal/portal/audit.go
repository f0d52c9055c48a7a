package portal

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/etlportal/etlportal/internal/etl"
)

// audit writes who changed what. before and after are views, which hold no
// secrets; nil where the thing was not.
func (p *Portal) audit(ctx context.Context, action, object, id string, before, after any) error {
	caller := CallerOf(ctx)
	e := etl.AuditEntry{Principal: caller.Principal, Action: action, Object: object, ObjectID: id, RequestID: caller.RequestID}
	for _, side := range []struct {
		view any
		to   *json.RawMessage
	}{{before, &e.Before}, {after, &e.After}} {
		if side.view == nil {
			continue
		}
		text, err := json.Marshal(side.view)
		if err != nil {
			return fmt.Errorf("audit of %s %s: %w", object, id, err)
		}
		*side.to = text
	}
	// What was done is done, also where the caller has gone meanwhile.
	return p.Store.Audit(context.WithoutCancel(ctx), e)
}

func number(id int64) string { return strconv.FormatInt(id, 10) }

// Versioned is a thing with a version; the API makes its ETag of it.
type Versioned interface{ Tag() int64 }

// checkVersion compares the version that a change is for, 0 for any, with the one there is.
func checkVersion(object string, id any, expected, current int64) error {
	if expected == 0 || expected == current {
		return nil
	}
	return etl.Mistakef("version_conflict", "Read it again, apply your change to what you find, and send that",
		"%s %v was changed meanwhile: the change is for version %d, and it is at version %d", object, id, expected, current)
}

// List is a page of a list.
type List[T any] struct {
	Items []T `json:"items"`
	// NextCursor is empty on the last page.
	NextCursor string `json:"next_cursor,omitempty" doc:"Give it as cursor to get the next page; absent on the last one"`
}

// viewed makes the page of views.
func viewed[T, V any](l etl.List[T], view func(T) V) *List[V] {
	out := &List[V]{Items: make([]V, 0, len(l.Items)), NextCursor: l.Next}
	for _, item := range l.Items {
		out.Items = append(out.Items, view(item))
	}
	return out
}
