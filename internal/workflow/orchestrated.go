package workflow

import (
	"context"
	"fmt"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
)

func noOrchestrator(jobID int64) error {
	return etl.Mistakef("no_orchestrator", "Set ETLPORTAL_AIRFLOW_URL and its companions, or the job's orchestrator to native.",
		"job %d is to be run by Airflow, and this portal knows none", jobID)
}

// orchestrate gives a held run to its orchestrator. Where that is out of reach the
// reconciler does it later; where it refuses, the run fails with the reason.
func (s *Steps) orchestrate(ctx context.Context, run etl.Run) (etl.Run, bool, error) {
	ctx = context.WithoutCancel(ctx)
	err := s.Orchestrator.Trigger(ctx, run.JobID, run.ID)
	switch {
	case err == nil:
		s.info(ctx, run.ID, "handed to Airflow, which starts it when its turn has come")
	case etl.KindOf(err) == etl.Weather:
		s.say(ctx, "warn", run.ID, nil, "waits for Airflow: %s", shown(err).Error())
	default:
		if err := s.fail(ctx, &run, shown(err), nil); err != nil {
			return run, true, err
		}
		failed, err := s.Store.Run(ctx, run.ID)
		return failed, true, err
	}
	return run, true, nil
}

// maxReminders bounds how long a run waits for its orchestrator: about a day.
const maxReminders = 24 * 60 / 2

// remind hands a held run over again: Airflow takes one that it has for done.
func (s *Steps) remind(ctx context.Context, x etl.Stalled) error {
	run, ok, err := s.current(ctx, x.Message)
	if err != nil || !ok {
		return err
	}
	err = noOrchestrator(run.JobID)
	if s.Orchestrator != nil {
		err = s.Orchestrator.Trigger(ctx, run.JobID, run.ID)
	}
	switch {
	case err != nil && etl.KindOf(err) != etl.Weather:
		return s.fail(ctx, &run, shown(err), nil)
	case x.Tries <= maxReminders:
		return nil
	}
	reason := &etl.Error{
		Kind: etl.Weather, Code: "not_started", Message: fmt.Sprintf("Airflow has not started the run since %s", x.Since.UTC().Format(time.RFC3339)),
		Fix: "Look at the runs of its DAG etl_job_executor; retry the run to have the portal execute it.",
	}
	if err != nil {
		reason.Message += ": " + shown(err).Message
	}
	return s.fail(ctx, &run, reason, nil)
}

// Start lets a held run go, and gives any other as it is. It may be repeated.
func (s *Steps) Start(ctx context.Context, runID int64) (etl.Run, error) {
	run, released, err := s.Store.ReleaseRun(ctx, runID)
	if err != nil || !released {
		return run, err
	}
	s.info(ctx, run.ID, "started by Airflow")
	if err := s.Queue.Send(context.WithoutCancel(ctx), 0, etl.Message{Topic: etl.TopicPlan, RunID: run.ID, Attempt: run.Attempt}); err != nil {
		s.log().Warn("a run waits for the reconciler", "run", run.ID, "error", err)
	}
	return run, nil
}
