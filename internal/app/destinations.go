package app

import (
	"context"
	"sync"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
)

// keepIdle is how long a customer's database that no loader asked for stays connected.
const keepIdle = 5 * time.Minute

// opened keeps the customers' databases connected between chunks, one
// etl.FanOut per credential.
type opened struct {
	open     func(ctx context.Context, c etl.Credential, password string) (etl.FanOut, error)
	password func(ctx context.Context, credentialID int64) (string, error)

	mu  sync.Mutex
	all map[int64]*keptDestination
}

type keptDestination struct {
	// mu makes those who need a connection that is being opened wait for it.
	mu      sync.Mutex
	version int64
	dest    etl.FanOut
	used    time.Time
}

// get gives a credential's database; one whose credential has changed is opened
// anew. Loads under way on the old one end as they began.
func (o *opened) get(ctx context.Context, c etl.Credential) (etl.FanOut, error) {
	o.mu.Lock()
	k := o.all[c.ID]
	if k == nil {
		k = &keptDestination{}
		o.all[c.ID] = k
	}
	o.mu.Unlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.used = time.Now()
	if k.dest != nil && k.version == c.Version {
		return k.dest, nil
	}
	password, err := o.password(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	dest, err := o.open(ctx, c, password)
	if err != nil {
		return nil, err
	}
	if k.dest != nil {
		_ = k.dest.Close(ctx)
	}
	k.dest, k.version = dest, c.Version
	return dest, nil
}

// sweep frees the connections of those that nobody asked for lately.
func (o *opened) sweep(ctx context.Context, now time.Time) {
	o.each(func(k *keptDestination) {
		if k.dest != nil && now.Sub(k.used) > keepIdle {
			_ = k.dest.Close(ctx)
			k.dest = nil
		}
	})
}

func (o *opened) closeAll(ctx context.Context) {
	o.each(func(k *keptDestination) {
		if k.dest != nil {
			_ = k.dest.Close(ctx)
			k.dest = nil
		}
	})
}

func (o *opened) each(do func(*keptDestination)) {
	o.mu.Lock()
	all := make([]*keptDestination, 0, len(o.all))
	for _, k := range o.all {
		all = append(all, k)
	}
	o.mu.Unlock()
	for _, k := range all {
		k.mu.Lock()
		do(k)
		k.mu.Unlock()
	}
}
