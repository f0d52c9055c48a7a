package etl

import (
	"context"
	"io"
	"time"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/schema"
)

// Status is where a run stands. The moves are PENDING → RUNNING → COMPLETED,
// and from PENDING and RUNNING to FAILED and CANCELLED; FAILED → PENDING is a
// retry. The portal's database refuses every other move.
type Status string

// The statuses of a run.
const (
	Pending   Status = "PENDING"
	Running   Status = "RUNNING"
	Completed Status = "COMPLETED"
	Failed    Status = "FAILED"
	Cancelled Status = "CANCELLED"
)

// Final says that nothing more happens to a run unless it is retried.
func (s Status) Final() bool { return s == Completed || s == Failed || s == Cancelled }

// Phase is what a RUNNING run is busy with.
type Phase string

// The phases of a run. A run in PhasePublish can no longer be cancelled.
const (
	PhasePlan    Phase = "plan"
	PhaseLoad    Phase = "load"
	PhasePublish Phase = "publish"
	PhaseDone    Phase = "done"
)

// ObjectRef pins one version of an object: reads of it fail with a Mistake of
// code source_changed once the object is another one.
type ObjectRef struct {
	Key       string `json:"key"`
	Size      int64  `json:"size"`
	ETag      string `json:"etag"`
	VersionID string `json:"version_id,omitempty"`
}

// Part is an uploaded part of a multipart upload.
type Part struct {
	Number int32  `json:"part_number"`
	ETag   string `json:"etag"`
	Size   int64  `json:"size"`
}

// SignedPart is where and how a client puts one part.
type SignedPart struct {
	Number  int32             `json:"part_number"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
}

// Blobs is the object store; S3 everywhere. Every method may be repeated.
// Failures that pass (5xx, throttling, network) are Weather.
type Blobs interface {
	// CreateUpload starts a multipart upload of a key.
	CreateUpload(ctx context.Context, key string) (uploadID string, err error)
	// SignParts signs PUT URLs; each is bound to its key, part number and size
	// and expires after ttl.
	SignParts(ctx context.Context, key, uploadID string, sizes map[int32]int64, ttl time.Duration) ([]SignedPart, error)
	// Parts lists what has arrived.
	Parts(ctx context.Context, key, uploadID string) ([]Part, error)
	// Complete joins the parts; repeated after success it gives the same object.
	Complete(ctx context.Context, key, uploadID string, parts []Part) (ObjectRef, error)
	Abort(ctx context.Context, key, uploadID string) error
	// Put streams r, of unknown length, into an object without holding it.
	Put(ctx context.Context, key string, r io.Reader) (ObjectRef, error)
	Head(ctx context.Context, key string) (ObjectRef, error)
	// Range reads n bytes from off of exactly this version; n < 0 reads to the
	// end. The body resumes by itself at the offset reached when the connection
	// breaks, and an early end is an error.
	Range(ctx context.Context, ref ObjectRef, off, n int64) (io.ReadCloser, error)
	Delete(ctx context.Context, key string) error
	// Ready says whether the store can be used.
	Ready(ctx context.Context) error
}

// Topic names a kind of message, and with it the handler that takes it.
type Topic string

// The topics.
const (
	TopicInspect   Topic = "inspect"
	TopicPlan      Topic = "plan"
	TopicLoad      Topic = "load"
	TopicFinalize  Topic = "finalize"
	TopicReconcile Topic = "reconcile"
)

// Message asks for one step. It carries ids only; the portal's database has the truth.
type Message struct {
	Topic   Topic  `json:"topic"`
	FileID  string `json:"file_id,omitempty"`
	RunID   int64  `json:"run_id,omitempty"`
	Chunk   int    `json:"chunk,omitempty"`
	Attempt int    `json:"attempt,omitempty"`
}

// Queue delivers messages at least once, in any order.
type Queue interface {
	// Send returns once the message is safe. delay is how long it stays hidden at least.
	Send(ctx context.Context, delay time.Duration, messages ...Message) error
	// Ready says whether the queue can be used.
	Ready(ctx context.Context) error
}

// Handler takes one message. nil removes it; RetryAfter brings it back; any
// other error brings it back with growing delay, and after the queue's last try
// it goes to the dead letters, where Dead of the portal hears of it.
type Handler func(ctx context.Context, m Message) error

// RetryAfter asks for a message again after a while, without counting as a failed try.
type RetryAfter struct {
	Delay  time.Duration
	Reason string
}

func (r *RetryAfter) Error() string { return "again in " + r.Delay.String() + ": " + r.Reason }

// Sealer encrypts secrets. context binds a ciphertext to its owner: opened with
// another context it fails.
type Sealer interface {
	Seal(ctx context.Context, plaintext []byte, context string) (ciphertext []byte, keyVersion string, err error)
	Open(ctx context.Context, ciphertext []byte, context string) ([]byte, error)
	// Current is the key version that Seal uses; ciphertexts of others want rotation.
	Current(ctx context.Context) (keyVersion string, err error)
}

// SourceState is how far a file has come.
type SourceState string

// The states of a source.
const (
	SourceUploading SourceState = "uploading"
	SourceSampled   SourceState = "sampled"
	SourceRunning   SourceState = "running"
	SourceComplete  SourceState = "complete"
	SourceFailed    SourceState = "failed"
)

// Source is an uploaded file.
type Source struct {
	ID       string // UUID
	Filename string
	Size     int64
	State    SourceState
	// Object is set once the upload is complete.
	Object   ObjectRef
	UploadID string
	PartSize int64
	// Encoding, Dialect and Columns are what inspection found or the user said.
	Encoding csv.Encoding
	Dialect  csv.Dialect
	Names    []string
	// Inspection is the API's view of columns, statistics and decisions (JSON).
	Inspection []byte
	// Overrides are the user's corrections (JSON of the PATCH body).
	Overrides []byte
	RowCount  int64
	// BytesProfiled is the progress of the background profile.
	BytesProfiled        int64
	Error                *Error
	Version              int64
	CreatedAt, UpdatedAt time.Time
}

// Credential is a customer's database. The password is not in it.
type Credential struct {
	ID                   int64
	Name, Type           string
	Host                 string
	Port                 int
	Database, Username   string
	SSLMode              string
	Options              map[string]string
	MaxParallel          int
	Version              int64
	CreatedAt, UpdatedAt time.Time
}

// Job says which file goes into which table, and how.
type Job struct {
	ID            int64
	Name          string
	FileID        string
	CredentialID  int64
	Schema, Table string
	CreateTable   bool
	// TableOptions are those of a table that is made in Redshift.
	TableOptions  schema.TableOptions
	Strategy      Strategy
	UpsertKeys    []string
	DuplicateKeys string
	BatchSize     int64
	Mapping       Mapping
	// Orchestrator executes the job's runs; EngineNative is the portal itself.
	Orchestrator         Engine
	Version              int64
	CreatedAt, UpdatedAt time.Time
}

// Run is one execution of a job.
type Run struct {
	ID       int64
	JobID    int64
	Status   Status
	Phase    Phase
	Trigger  string // manual, schedule, api, retry, airflow
	Attempt  int    // grows with each retry; writes of an older attempt are refused
	LoadID   string // names the stage and the ledger in the destination
	Path     string // direct or fan-out
	Job      Job    // as it was when the run was made
	FileID   string
	Object   ObjectRef
	Encoding csv.Encoding
	Dialect  csv.Dialect
	Sources  []FrozenColumn
	Counts   Counts
	// BytesTotal and BytesRead, ChunksTotal and ChunksDone are the progress.
	BytesTotal, BytesRead   int64
	ChunksTotal, ChunksDone int
	Error                   *Error
	CreatedAt               time.Time
	StartedAt, FinishedAt   *time.Time
	// Seq grows with every change; it is the event id of the run's stream.
	Seq int64
	// Held says that a PENDING run waits for its orchestrator to start it.
	Held bool
	// Adopted says that the table which the run was to make is there by now, and
	// that it loads into that.
	Adopted bool
	// ParentID is the run whose bad rows this one loads again; 0 is none.
	ParentID int64
	// Reloaded are those rows, for the one who makes the run; they are not read back.
	Reloaded []ReloadedRow
}

// ReloadedRow is a bad row that is loaded again.
type ReloadedRow struct {
	// Line is where it is in the file that holds the mended rows, ParentLine in
	// the file of the run before.
	Line, ParentLine int64
}

// FrozenColumn is a file's column as the run was planned with it.
type FrozenColumn struct {
	Name      string      `json:"name"`
	Type      schema.Type `json:"type"`
	Format    string      `json:"format,omitempty"`
	NullWords []string    `json:"null_words,omitempty"`
	// MaxBytes is how many bytes its longest value has as UTF-8; 0 where that
	// was not known of every row.
	MaxBytes int `json:"max_bytes,omitempty"`
}

// ChunkState is how far a chunk has come.
type ChunkState string

// The states of a chunk.
const (
	ChunkWaiting ChunkState = "waiting"
	ChunkLoading ChunkState = "loading"
	ChunkLoaded  ChunkState = "loaded"
	ChunkFailed  ChunkState = "failed"
)

// Chunk is a span of a run's file.
type Chunk struct {
	RunID   int64
	Number  int
	Span    csv.Span
	State   ChunkState
	Attempt int
	Counts  Counts
	Error   *Error
}

// Role is what a principal may do; each includes the one before it.
type Role string

// The roles.
const (
	Viewer Role = "viewer"
	Editor Role = "editor"
	Admin  Role = "admin"
)

// Principal is who asks.
type Principal struct {
	// Kind is "owner" (of a laptop without sign-in), "token", "bootstrap" (the
	// token that a deployment begins with) or "user" (a person whom an issuer vouches for).
	Kind string
	ID   string
	Name string
	Role Role
	// Issuer is who vouches for a user; "" for all others.
	Issuer string
	// ExpiresAt is when the sign-in ends; zero: not by itself.
	ExpiresAt time.Time
}

// roleRank orders the roles.
var roleRank = map[Role]int{Viewer: 1, Editor: 2, Admin: 3}

// Valid says whether r is a role.
func (r Role) Valid() bool { return roleRank[r] > 0 }

// Includes says whether r may do what needs the other role.
func (r Role) Includes(needed Role) bool {
	return r.Valid() && needed.Valid() && roleRank[r] >= roleRank[needed]
}
