package workflow_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etl"
)

// orchestrator notes the runs that it is to execute.
type orchestrator struct {
	etl.Orchestrator

	triggered []int64
	err       error
}

func (o *orchestrator) Trigger(_ context.Context, _, runID int64) error {
	o.triggered = append(o.triggered, runID)
	return o.err
}

// orchestrated is a bench with a job that Airflow executes.
func orchestrated(t *testing.T, err error) (*bench, *orchestrator, etl.Job) {
	t.Helper()
	b := newBench(t, salesTable)
	o := &orchestrator{err: err}
	b.steps.Orchestrator = o
	src := b.upload("sales.csv", sales(5, nil))
	return b, o, b.job(src, etl.Job{Table: "sales", Orchestrator: etl.EngineAirflow})
}

// A run waits until its orchestrator starts it, and then goes its way once.
func TestOrchestrated(t *testing.T) {
	down := &etl.Error{Kind: etl.Weather, Code: "airflow_down", Message: "Airflow is down", Fix: "Wait."}
	b, o, job := orchestrated(t, down)
	run, _, err := b.steps.Execute(t.Context(), job, "", "manual", etl.IdempotencyKey{})
	require.NoError(t, err)
	require.Equal(t, []any{etl.Pending, true}, []any{run.Status, run.Held})
	require.Contains(t, b.log(run.ID), "waits for Airflow: Airflow is down")
	b.queue.serve(t, b.steps)
	require.Equal(t, etl.Pending, b.run(run.ID).Status, "nothing was sent")

	stalled, err := b.store.Stalled(t.Context(), 0)
	require.NoError(t, err)
	stalled = slices.DeleteFunc(stalled, func(x etl.Stalled) bool { return x.Message.RunID != run.ID })
	require.Len(t, stalled, 1)
	require.True(t, stalled[0].Held, "the reconciler hands it over again instead of starting it")

	for range 2 {
		_, err = b.steps.Start(t.Context(), run.ID)
		require.NoError(t, err)
		b.queue.serve(t, b.steps)
		require.Equal(t, etl.Completed, b.run(run.ID).Status, b.log(run.ID))
	}
	require.Equal(t, []int64{run.ID}, o.triggered)
	b.want("SELECT count(*)::text FROM sales", "5")
}

// What must be changed first fails the run, which the portal executes when it is retried.
func TestOrchestratorRefuses(t *testing.T) {
	b, _, job := orchestrated(t, etl.Mistakef("airflow_dag_missing", "Put it there.", "Airflow has no DAG"))
	run, _, err := b.steps.Execute(t.Context(), job, "", "manual", etl.IdempotencyKey{})
	require.NoError(t, err)
	require.Equal(t, etl.Failed, run.Status)
	require.Equal(t, etl.Code("airflow_dag_missing"), run.Error.Code)
	retried, err := b.steps.Retry(t.Context(), run.ID)
	require.NoError(t, err)
	require.False(t, retried.Held)
	b.queue.serve(t, b.steps)
	require.Equal(t, etl.Completed, b.run(run.ID).Status, b.log(run.ID))

	b.steps.Orchestrator = nil
	_, _, err = b.steps.Execute(t.Context(), job, "", "manual", etl.IdempotencyKey{})
	require.ErrorContains(t, err, "ETLPORTAL_AIRFLOW_URL")
}
