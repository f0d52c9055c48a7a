package portal

import (
	"context"

	"github.com/etlportal/etlportal/internal/etl"
)

// Chunk is a part of a run's file and how far it has come.
type Chunk struct {
	Number    int   `json:"number"`
	Start     int64 `json:"start_byte"`
	End       int64 `json:"end_byte"`
	FirstLine int64 `json:"first_line"`
	// Rows are those that the record index counted; the header is one of them.
	Rows  int64  `json:"rows" doc:"Rows by the record index, the header and blank lines among them"`
	State string `json:"state" enum:"waiting,loading,loaded,failed"`
	Tries int    `json:"attempt" doc:"How often a loader has begun it"`
	RunCounts
	Error *Problem `json:"error,omitempty"`
}

// Chunks are a run's, in file order.
type Chunks struct {
	Items   []Chunk `json:"items" doc:"In file order; empty before the run is planned"`
	Waiting int     `json:"waiting"`
	Loading int     `json:"loading"`
	Loaded  int     `json:"loaded"`
	Failed  int     `json:"failed"`
}

// Chunks lists a run's chunks.
func (p *Portal) Chunks(ctx context.Context, runID int64) (*Chunks, error) {
	chunks, err := p.Store.Chunks(ctx, runID)
	if err == nil && len(chunks) == 0 {
		_, err = p.Store.Run(ctx, runID)
	}
	if err != nil {
		return nil, err
	}
	out := &Chunks{Items: make([]Chunk, 0, len(chunks))}
	for i := range chunks {
		c := &chunks[i]
		out.Items = append(out.Items, Chunk{
			c.Number, c.Span.Start, c.Span.End, c.Span.FirstLine, c.Span.Rows, string(c.State), c.Attempt, countsView(c.Counts), problem(c.Error),
		})
		switch c.State {
		case etl.ChunkWaiting:
			out.Waiting++
		case etl.ChunkLoading:
			out.Loading++
		case etl.ChunkLoaded:
			out.Loaded++
		case etl.ChunkFailed:
			out.Failed++
		}
	}
	return out, nil
}
