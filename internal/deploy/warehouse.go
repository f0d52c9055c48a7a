package deploy

import (
	"context"

	"github.com/etlportal/etlportal/internal/app"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/portal"
	"github.com/etlportal/etlportal/internal/warehouse"
)

// WithWarehouse lets the process load into Amazon Redshift. Files are staged in
// the portal's own bucket, as the process itself, where a credential names no
// other. The Data API is called, and temporary credentials are asked for, as the
// role of ETLPORTAL_WAREHOUSE_ROLE_ARN: a warehouse takes each role for another
// user, and every function has a role of its own.
func WithWarehouse(_ context.Context, s *Settings, a *app.Adapters) error {
	account := s.account
	account.Role = s.warehouseRole
	config := warehouse.Config{Blobs: a.Blobs, Bucket: s.bucket, Account: account, Control: portal.Guard}
	a.Warehouse = func(ctx context.Context, c etl.Credential, password string) (etl.FanOut, error) {
		return warehouse.Open(ctx, config, c, password)
	}
	return nil
}
