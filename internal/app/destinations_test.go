package app

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etl"
)

// closable is a destination of which only the end is of interest.
type closable struct {
	etl.FanOut

	password string
	closed   bool
}

func (c *closable) Close(context.Context) error {
	c.closed = true
	return nil
}

func TestDestinationsAreKept(t *testing.T) {
	opens := 0
	var failure error
	o := &opened{
		all: map[int64]*keptDestination{},
		password: func(_ context.Context, id int64) (string, error) {
			return map[int64]string{1: "one", 2: "two"}[id], nil
		},
		open: func(_ context.Context, _ etl.Credential, password string) (etl.FanOut, error) {
			opens++
			return &closable{password: password}, failure
		},
	}
	get := func(id, version int64) *closable {
		d, err := o.get(t.Context(), etl.Credential{ID: id, Version: version})
		require.NoError(t, err)
		return d.(*closable)
	}
	first := get(1, 1)
	require.Equal(t, "one", first.password)
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() { _, _ = o.get(context.Background(), etl.Credential{ID: 1, Version: 1}) })
	}
	group.Wait()
	require.Same(t, first, get(1, 1))
	require.Equal(t, "two", get(2, 1).password)
	require.Equal(t, 2, opens)

	changed := get(1, 2)
	require.NotSame(t, first, changed)
	require.True(t, first.closed, "the one of the old credential is closed")

	o.sweep(t.Context(), time.Now())
	require.False(t, changed.closed)
	o.sweep(t.Context(), time.Now().Add(2*keepIdle))
	require.True(t, changed.closed)
	require.NotSame(t, changed, get(1, 2))

	failure = errors.New("down")
	_, err := o.get(t.Context(), etl.Credential{ID: 3, Version: 1})
	require.ErrorIs(t, err, failure)
	failure = nil
	last := get(3, 1)
	o.closeAll(t.Context())
	require.True(t, last.closed)
}
