package deploy

import (
	"context"

	"github.com/etlportal/etlportal/internal/airflow"
	"github.com/etlportal/etlportal/internal/app"
	"github.com/etlportal/etlportal/internal/aws"
)

// flows says which managed Airflow fires schedules and runs jobs.
type flows struct {
	mwaa       aws.MWAAConfig
	connection string
}

func readFlows(r *app.Reader, account aws.Account) flows {
	return flows{
		mwaa: aws.MWAAConfig{
			Account: account, Environment: r.Text("ETLPORTAL_MWAA_ENVIRONMENT", ""), Bucket: r.Text("ETLPORTAL_MWAA_BUCKET", ""), Prefix: r.Text("ETLPORTAL_MWAA_DAGS", "dags"),
		},
		connection: r.Text("ETLPORTAL_AIRFLOW_CONNECTION", airflow.DefaultConnection),
	}
}

// WithAirflow lets the process hand schedules and runs to the Airflow that
// ETLPORTAL_MWAA_ENVIRONMENT and its companions name.
func WithAirflow(ctx context.Context, s *Settings, a *app.Adapters) error {
	if s.flows.mwaa.Environment == "" {
		return nil
	}
	managed, err := aws.NewMWAA(ctx, s.flows.mwaa)
	if err != nil {
		return err
	}
	a.Orchestrator = airflow.New(airflow.Config{Files: managed, REST: managed, Connection: s.flows.connection, Log: a.Log})
	return nil
}
