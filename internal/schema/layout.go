package schema

// TableOptions are how Amazon Redshift keeps a table that is made: where its
// rows are, in which order, and how its columns are compressed. The zero value
// leaves all of it to Redshift, which chooses by use; other databases know none
// of it. Words are upper case.
type TableOptions struct {
	DistStyle string            `json:"dist_style,omitempty" enum:"AUTO,EVEN,ALL,KEY" doc:"Which slice has a row; absent: AUTO, or KEY where dist_key is given"`
	DistKey   string            `json:"dist_key,omitempty" maxLength:"127" doc:"The column whose value decides; for KEY"`
	SortStyle string            `json:"sort_style,omitempty" enum:"AUTO,COMPOUND,INTERLEAVED" doc:"Absent: AUTO, or COMPOUND where sort_keys are given"`
	SortKeys  []string          `json:"sort_keys,omitempty" maxItems:"400" doc:"The columns by which rows are ordered, at most 400, of INTERLEAVED 8"`
	Encodings map[string]string `json:"encodings,omitempty" doc:"Compression by column: RAW, AZ64, BYTEDICT, DELTA, DELTA32K, LZO, MOSTLY8, MOSTLY16, MOSTLY32, RUNLENGTH, TEXT255, TEXT32K or ZSTD. Redshift chooses for the other columns"`
}

// IsZero says whether nothing is chosen.
func (o TableOptions) IsZero() bool {
	return o.DistStyle == "" && o.DistKey == "" && o.SortStyle == "" && len(o.SortKeys) == 0 && len(o.Encodings) == 0
}

// TableLayout is how Amazon Redshift keeps a table that is there, as far as its
// views tell; what they do not is empty. Words are upper case.
type TableLayout struct {
	DistStyle string            `json:"dist_style,omitempty" enum:"EVEN,KEY,ALL,AUTO(ALL),AUTO(EVEN),AUTO(KEY)" doc:"Which slice has a row; in parentheses what Redshift has chosen for now"`
	DistKey   string            `json:"dist_key,omitempty" doc:"The column whose value decides"`
	SortStyle string            `json:"sort_style,omitempty" enum:"COMPOUND,INTERLEAVED" doc:"Absent where rows are ordered by no column, or by one, of which it makes no difference"`
	SortKeys  []string          `json:"sort_keys,omitempty" doc:"The columns by which rows are ordered, the first one first"`
	Encodings map[string]string `json:"encodings,omitempty" doc:"Compression by column, as AZ64 or LZO; RAW is none"`
}

// IsZero says whether nothing is known.
func (l TableLayout) IsZero() bool {
	return l.DistStyle == "" && l.DistKey == "" && l.SortStyle == "" && len(l.SortKeys) == 0 && len(l.Encodings) == 0
}
