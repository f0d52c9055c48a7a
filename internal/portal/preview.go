package portal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"sync"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/workflow"
)

const (
	// MaxPreview is the largest page of a preview.
	MaxPreview = 1000
	// previewBytes ends a page early, in bytes of fields.
	previewBytes = 4 << 20
	// previewCell cuts a field, in bytes.
	previewCell = 64 << 10
	// maxCount is how much one request reads to count rows, in bytes.
	maxCount = 1 << 30
	// maxMarked is the number of files whose counts are remembered.
	maxMarked = 64
)

// Preview is a page of a file's rows.
type Preview struct {
	Columns []string    `json:"columns"`
	Rows    [][]*string `json:"rows" doc:"Fields as text; null for NULL. Long fields are cut"`
	// Lines are the physical lines at which the rows start.
	Lines []int64 `json:"lines" doc:"The physical line at which each row starts"`
	// Bad names the rows that cannot be read, or not as the header says.
	Bad        []BadRow `json:"bad_rows,omitempty"`
	Offset     int64    `json:"offset"`
	Limit      int      `json:"limit"`
	NextOffset *int64   `json:"next_offset" doc:"Where the next page starts; null on the last one"`
	TotalRows  int64    `json:"total_rows" doc:"Data rows, by which offsets count: neither header, comments nor blank lines"`
	Complete   bool     `json:"total_rows_exact" doc:"false until the profile is complete"`
}

// BadRow is a row of a preview that would be rejected as it is.
type BadRow struct {
	Row    int    `json:"row" doc:"Index in rows"`
	Line   int64  `json:"line"`
	Code   string `json:"code"`
	Reason string `json:"reason"`
}

// Preview reads rows from an offset on. With the record index it reads at most
// one span before them, wherever they are, if every row that the index counts
// is a data row. The first page far into another file reads up to there,
// maxCount bytes per request; profile_running then says to ask again. Without
// the index, there is only what the sample holds.
func (p *Portal) Preview(ctx context.Context, id string, offset int64, limit int) (*Preview, error) {
	src, err := p.inspected(ctx, id)
	if err != nil {
		return nil, err
	}
	return p.page(ctx, src, offset, limit, nil)
}

// page is Preview of a source; each, which may be nil, gets the records of its rows.
func (p *Portal) page(ctx context.Context, src etl.Source, offset int64, limit int, each func(*csv.Record)) (*Preview, error) {
	id := src.ID
	meta, err := metadata(&src)
	if err != nil {
		return nil, err
	}
	read, err := workflow.OptionsOf(src)
	if err != nil {
		return nil, err
	}
	out := &Preview{Columns: src.Names, Rows: [][]*string{}, Lines: []int64{}, Offset: offset, Limit: limit, TotalRows: meta.RowCount, Complete: src.State == etl.SourceComplete}
	// What the record index counts are data rows after the header's, if nothing else is in the file.
	plain := out.Complete && meta.BlankLines == 0 && src.Dialect.Comment == 0
	if out.Complete && !plain && offset >= out.TotalRows {
		return out, nil
	}
	file := fmt.Sprintf("%s %d", src.ID, src.Version)
	known := p.counted.before(file, offset)
	if plain {
		known = mark{first: offset + int64(src.Dialect.Header)}
	}
	span, err := p.Store.SpanAt(ctx, id, known.first)
	switch {
	case isCode(err, "not_found") && out.Complete:
		return out, nil
	case isCode(err, "not_found"):
		// Not indexed yet: the first bytes, read from the start.
		known, span, err = mark{}, csv.Span{Start: -1, End: min(src.Size, workflow.SampleBytes), FirstLine: 1}, nil
	}
	if err != nil {
		return nil, err
	}
	if plain {
		known.rows = max(span.FirstRow-int64(src.Dialect.Header), 0)
	}
	w := previewer{out: out, nulls: nullWords(meta), row: known.rows, from: offset, to: offset + int64(limit), width: len(src.Names), each: each}
	w.options = csv.Options{MaxRecord: read.MaxRecord, Width: w.width, BlankRecords: read.BlankRecords, StripNUL: read.StripNUL, Encoding: src.Encoding}
	sampled := span.Start < 0
	begin := span.Start
	for w.at < w.to && !w.full {
		if err := p.previewSpan(ctx, &src, span, &w); err != nil {
			return nil, err
		}
		if sampled || w.full || w.at >= w.to {
			break
		}
		next := mark{first: span.FirstRow + span.Rows, rows: w.row}
		if span, err = p.Store.SpanAt(ctx, id, next.first); isCode(err, "not_found") {
			w.ended = true
			break
		} else if err != nil {
			return nil, err
		}
		p.counted.add(file, next)
		if !w.reached && span.Start-begin >= maxCount {
			return nil, notIndexed()
		}
	}
	if sampled && !w.reached {
		return nil, notIndexed()
	}
	if !w.ended {
		next := w.to
		if w.at < w.to && (sampled || w.bytes >= previewBytes) {
			next = max(w.at, w.from)
		}
		out.NextOffset = &next
	}
	return out, nil
}

func notIndexed() error {
	return &etl.Error{
		Kind: etl.Weather, Code: "profile_running", Message: "that part of the file is not indexed yet",
		Fix: "Try again in a moment; the metadata's profile shows how far it is",
	}
}

// mark says how many data rows come before a row of the record index.
type mark struct{ first, rows int64 }

// marks remembers them of the files read last, in file order. The zero value is empty.
type marks struct {
	mu    sync.Mutex
	files map[string][]mark
}

// before is the last mark at or before a data row.
func (m *marks) before(file string, row int64) mark {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.files[file]
	i := sort.Search(len(known), func(i int) bool { return known[i].rows > row })
	if i == 0 {
		return mark{}
	}
	return known[i-1]
}

// add takes a mark that comes after all others of the file; others are known.
func (m *marks) add(file string, x mark) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.files == nil || m.files[file] == nil && len(m.files) >= maxMarked {
		m.files = map[string][]mark{}
	}
	known := m.files[file]
	if len(known) == 0 || known[len(known)-1].first < x.first {
		m.files[file] = append(known, x)
	}
}

// nullWords are the words of each column that stand for NULL.
func nullWords(m *Metadata) []map[string]bool {
	words := make([]map[string]bool, len(m.Columns))
	for i, c := range m.Columns {
		words[i] = make(map[string]bool, len(c.NullValues))
		for _, w := range c.NullValues {
			words[i][w] = true
		}
	}
	return words
}

// previewSpan reads the rows of a span that the page wants.
func (p *Portal) previewSpan(ctx context.Context, src *etl.Source, span csv.Span, w *previewer) error {
	d, decode, start := src.Dialect, src.Encoding.DecodeSpan, span.Start
	o := w.options
	if start < 0 {
		start, decode = 0, src.Encoding.Decode
	} else {
		o.Start = csv.Position{Byte: span.Start, Line: span.FirstLine}
		d.SkipLines = 0
		if span.FirstRow > 0 {
			d.Header, o.Start.Record = 0, 1
		}
	}
	body, err := p.Blobs.Range(ctx, src.Object, start, span.End-start)
	if err != nil {
		return err
	}
	defer body.Close()
	r, err := csv.NewReader(decode(body), d, o)
	if err != nil {
		return err
	}
	cut := span.Start < 0 && span.End < src.Size
	var last previewed
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			// The last record of a sample may be cut off.
			if !cut && last.rec != nil {
				w.take(last)
			}
			w.ended = !cut && span.End >= src.Size
			return nil
		}
		if err != nil {
			return err
		}
		if last.rec != nil {
			w.take(last)
		}
		at := w.row
		w.row++
		if w.full || at >= w.to {
			w.reached = true
			return nil
		}
		last = previewed{}
		if at >= w.from {
			last = previewed{clone(rec), at}
		}
	}
}

type previewed struct {
	rec *csv.Record
	at  int64
}

// clone keeps a record beyond the next Read.
func clone(rec *csv.Record) *csv.Record {
	kept := &csv.Record{Fields: make([][]byte, len(rec.Fields)), Quoted: append([]bool(nil), rec.Quoted...), Pos: rec.Pos}
	for i, f := range rec.Fields {
		kept.Fields[i] = bytes.Clone(f)
	}
	if rec.Bad != nil {
		bad := *rec.Bad
		kept.Bad = &bad
		if rec.Fields == nil {
			kept.Raw = bytes.Clone(rec.Raw)
		}
	}
	return kept
}

// previewer collects the rows numbered from to to (exclusive).
type previewer struct {
	out      *Preview
	nulls    []map[string]bool
	from, to int64
	// row is the number of the next row to be read.
	row     int64
	width   int
	options csv.Options
	// at is the number of the row after the last one taken.
	at    int64
	bytes int
	// full says that the page is as large as it may be, reached that the file
	// goes on after it, ended that the file does not.
	full, reached, ended bool
	each                 func(*csv.Record)
}

func (w *previewer) take(row previewed) {
	rec := row.rec
	if w.each != nil {
		w.each(rec)
	}
	fields := make([]*string, len(rec.Fields))
	for i, f := range rec.Fields {
		if len(f) == 0 && !rec.Quoted[i] || i < len(w.nulls) && w.nulls[i][string(f)] {
			continue
		}
		text := string(bytes.ToValidUTF8(f[:min(len(f), previewCell)], []byte("\ufffd")))
		fields[i] = &text
		w.bytes += len(text)
	}
	bad := BadRow{Row: len(w.out.Rows), Line: rec.Pos.Line}
	switch {
	case rec.Bad != nil:
		bad.Code, bad.Reason = rec.Bad.Code, rec.Bad.Reason
		if rec.Fields == nil {
			text := string(bytes.ToValidUTF8(rec.Raw[:min(len(rec.Raw), previewCell)], []byte("\ufffd")))
			fields = []*string{&text}
		}
	case len(rec.Fields) != w.width:
		bad.Code, bad.Reason = "field_count", "the row has another number of fields than the header"
	}
	if bad.Code != "" {
		w.out.Bad = append(w.out.Bad, bad)
	}
	w.out.Rows, w.out.Lines = append(w.out.Rows, fields), append(w.out.Lines, rec.Pos.Line)
	w.at, w.reached = row.at+1, true
	w.full = w.bytes >= previewBytes || w.at >= w.to
}
