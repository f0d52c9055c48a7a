// Package store is the portal's own PostgreSQL: sources, credentials, jobs,
// runs, their chunks, logs and rejects, and who may do what. Legal moves of runs
// and the fencing of attempts are enforced by the database itself.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
)

var errSkeleton = errors.New("store: not there yet")

type Options struct {
	ApplicationName string
	MaxConns        int32
	Now             func() time.Time
}
type Store struct{ pool *pgxpool.Pool }
type MigrationStatus struct {
	Version   int64
	Name      string
	AppliedAt *time.Time
}
type SealFunc func(ctx context.Context, credentialID int64) (etl.Sealed, error)

func Open(ctx context.Context, url string, o Options) (*Store, error)       { return nil, errSkeleton }
func MigrateUp(ctx context.Context, url string) error                       { return errSkeleton }
func MigrateDown(ctx context.Context, url string, toVersion int64) error    { return errSkeleton }
func Migrations(ctx context.Context, url string) ([]MigrationStatus, error) { return nil, errSkeleton }
func (s *Store) Close()                                                     {}
func (s *Store) Ready(ctx context.Context) error                            { return errSkeleton }
func (s *Store) Pool() *pgxpool.Pool                                        { return s.pool }
func (s *Store) CreateSource(ctx context.Context, src etl.Source) (etl.Source, error) {
	return src, errSkeleton
}
func (s *Store) Source(ctx context.Context, id string) (etl.Source, error) {
	return etl.Source{}, errSkeleton
}
func (s *Store) Sources(ctx context.Context, p etl.Page) (etl.List[etl.Source], error) {
	return etl.List[etl.Source]{}, errSkeleton
}
func (s *Store) UpdateSource(ctx context.Context, src etl.Source) (etl.Source, error) {
	return src, errSkeleton
}
func (s *Store) SourceProgress(ctx context.Context, id string, bytesProfiled int64) error {
	return errSkeleton
}
func (s *Store) DeleteSource(ctx context.Context, id string) error { return errSkeleton }
func (s *Store) SaveSpans(ctx context.Context, fileID string, spans []csv.Span) error {
	return errSkeleton
}
func (s *Store) Spans(ctx context.Context, fileID string) ([]csv.Span, error) {
	return nil, errSkeleton
}
func (s *Store) SpanAt(ctx context.Context, fileID string, row int64) (csv.Span, error) {
	return csv.Span{}, errSkeleton
}

func (s *Store) CreateCredential(ctx context.Context, c etl.Credential, seal SealFunc) (etl.Credential, error) {
	return c, errSkeleton
}
func (s *Store) Credential(ctx context.Context, id int64) (etl.Credential, error) {
	return etl.Credential{}, errSkeleton
}
func (s *Store) CredentialSecret(ctx context.Context, id int64) (etl.Sealed, error) {
	return etl.Sealed{}, errSkeleton
}
func (s *Store) Credentials(ctx context.Context, p etl.Page) (etl.List[etl.Credential], error) {
	return etl.List[etl.Credential]{}, errSkeleton
}
func (s *Store) UpdateCredential(ctx context.Context, c etl.Credential, seal SealFunc) (etl.Credential, error) {
	return c, errSkeleton
}
func (s *Store) DeleteCredential(ctx context.Context, id int64) error { return errSkeleton }
func (s *Store) CredentialsToRotate(ctx context.Context, current string, limit int) ([]etl.Credential, error) {
	return nil, errSkeleton
}
func (s *Store) RotateCredential(ctx context.Context, id int64, old, sealed etl.Sealed) (bool, error) {
	return false, errSkeleton
}

func (s *Store) CreateJob(ctx context.Context, j etl.Job) (etl.Job, error) { return j, errSkeleton }
func (s *Store) Job(ctx context.Context, id int64) (etl.Job, error)        { return etl.Job{}, errSkeleton }
func (s *Store) Jobs(ctx context.Context, p etl.Page) (etl.List[etl.Job], error) {
	return etl.List[etl.Job]{}, errSkeleton
}
func (s *Store) UpdateJob(ctx context.Context, j etl.Job) (etl.Job, error) { return j, errSkeleton }
func (s *Store) JobVersions(ctx context.Context, id int64, p etl.Page) (etl.List[etl.JobVersion], error) {
	return etl.List[etl.JobVersion]{}, errSkeleton
}
func (s *Store) DeleteJob(ctx context.Context, id int64) error { return errSkeleton }

func (s *Store) CreateRun(ctx context.Context, r etl.Run, key etl.IdempotencyKey) (run etl.Run, created bool, err error) {
	return r, false, errSkeleton
}
func (s *Store) Run(ctx context.Context, id int64) (etl.Run, error) { return etl.Run{}, errSkeleton }
func (s *Store) RunByLoad(ctx context.Context, loadID string) (etl.Run, error) {
	return etl.Run{}, errSkeleton
}
func (s *Store) Runs(ctx context.Context, f etl.RunFilter, p etl.Page) (etl.List[etl.Run], error) {
	return etl.List[etl.Run]{}, errSkeleton
}
func (s *Store) StartRun(ctx context.Context, id int64, attempt int) (etl.Run, error) {
	return etl.Run{}, errSkeleton
}
func (s *Store) PlanRun(ctx context.Context, id int64, attempt int, path string, chunks []etl.Chunk) (etl.Run, error) {
	return etl.Run{}, errSkeleton
}
func (s *Store) Chunks(ctx context.Context, runID int64) ([]etl.Chunk, error) {
	return nil, errSkeleton
}
func (s *Store) ClaimChunk(ctx context.Context, runID int64, number, attempt int, hold time.Duration) (etl.Chunk, error) {
	return etl.Chunk{}, errSkeleton
}
func (s *Store) ChunkProgress(ctx context.Context, ref etl.ChunkRef, bytes, rows int64) error {
	return errSkeleton
}
func (s *Store) ChunkLoaded(ctx context.Context, ref etl.ChunkRef, counts etl.Counts, rejects []etl.Reject) (remaining int, err error) {
	return 0, errSkeleton
}
func (s *Store) ChunkReleased(ctx context.Context, ref etl.ChunkRef, cause *etl.Error) error {
	return errSkeleton
}
func (s *Store) ChunkFailed(ctx context.Context, ref etl.ChunkRef, cause *etl.Error) error {
	return errSkeleton
}
func (s *Store) ReopenChunks(ctx context.Context, runID int64, attempt int, numbers []int) (etl.Run, error) {
	return etl.Run{}, errSkeleton
}
func (s *Store) BeginPublish(ctx context.Context, id int64, attempt int) (etl.Run, error) {
	return etl.Run{}, errSkeleton
}
func (s *Store) CompleteRun(ctx context.Context, id int64, attempt int, counts etl.Counts, rejects []etl.Reject) (etl.Run, error) {
	return etl.Run{}, errSkeleton
}
func (s *Store) FailRun(ctx context.Context, id int64, attempt int, cause *etl.Error, rejects []etl.Reject) (etl.Run, error) {
	return etl.Run{}, errSkeleton
}
func (s *Store) CancelRun(ctx context.Context, id int64) (etl.Run, error) {
	return etl.Run{}, errSkeleton
}
func (s *Store) RetryRun(ctx context.Context, id int64) (etl.Run, error) {
	return etl.Run{}, errSkeleton
}
func (s *Store) DeleteRun(ctx context.Context, id int64) error { return errSkeleton }
func (s *Store) Stalled(ctx context.Context, after time.Duration) ([]etl.Stalled, error) {
	return nil, errSkeleton
}
func (s *Store) Sweep(ctx context.Context, keysOlderThan time.Duration) error { return errSkeleton }
func (s *Store) Watch(ctx context.Context, runID int64) <-chan struct{}       { return nil }

func (s *Store) AcquireLease(ctx context.Context, credentialID int64, holder string, limit int, ttl time.Duration) (etl.Lease, error) {
	return etl.Lease{}, errSkeleton
}
func (s *Store) RenewLease(ctx context.Context, l etl.Lease, ttl time.Duration) (etl.Lease, error) {
	return l, errSkeleton
}
func (s *Store) ReleaseLease(ctx context.Context, l etl.Lease) error { return errSkeleton }

func (s *Store) AppendLog(ctx context.Context, entries ...etl.LogEntry) error { return errSkeleton }
func (s *Store) Logs(ctx context.Context, runID int64, p etl.Page) (etl.List[etl.LogEntry], error) {
	return etl.List[etl.LogEntry]{}, errSkeleton
}
func (s *Store) LogsAfter(ctx context.Context, runID, afterID int64, limit int) ([]etl.LogEntry, error) {
	return nil, errSkeleton
}
func (s *Store) LogTail(ctx context.Context, runID int64, limit int) ([]etl.LogEntry, error) {
	return nil, errSkeleton
}
func (s *Store) Rejects(ctx context.Context, runID int64, f etl.RejectFilter, p etl.Page) (etl.List[etl.RunReject], error) {
	return etl.List[etl.RunReject]{}, errSkeleton
}
func (s *Store) RejectGroups(ctx context.Context, runID int64) ([]etl.RejectGroup, error) {
	return nil, errSkeleton
}

func (s *Store) CreateToken(ctx context.Context, t etl.Token, hash []byte) (etl.Token, error) {
	return t, errSkeleton
}
func (s *Store) TokenByHash(ctx context.Context, hash []byte) (etl.Token, error) {
	return etl.Token{}, errSkeleton
}
func (s *Store) Tokens(ctx context.Context, p etl.Page) (etl.List[etl.Token], error) {
	return etl.List[etl.Token]{}, errSkeleton
}
func (s *Store) DeleteToken(ctx context.Context, id int64) error   { return errSkeleton }
func (s *Store) Audit(ctx context.Context, e etl.AuditEntry) error { return errSkeleton }
func (s *Store) Audits(ctx context.Context, f etl.AuditFilter, p etl.Page) (etl.List[etl.AuditEntry], error) {
	return etl.List[etl.AuditEntry]{}, errSkeleton
}
