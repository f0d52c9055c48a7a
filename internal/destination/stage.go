package destination

import (
	"context"
	"errors"

	"github.com/etlportal/etlportal/internal/etl"
)

const stageName = "etlportal_stage"

// staging is the temporary table of a staged load.
type staging struct{}

func (s *session) needsStage() bool { return false }

func (s *session) openStage(_ context.Context) (string, error) { return "", errors.New("not yet") }

func (s *session) publish(_ context.Context) (etl.LoadResult, error) {
	return etl.LoadResult{}, errors.New("not yet")
}
