package csv

import "io"

// Writer writes RFC 4180.
type Writer struct{}

// NewWriter returns a Writer to w.
func NewWriter(w io.Writer) *Writer { return &Writer{} }

// Write writes one record; quoted may be nil.
func (w *Writer) Write(fields [][]byte, quoted []bool) error { return nil }

// WriteStrings writes one record of strings.
func (w *Writer) WriteStrings(fields []string) error { return nil }

// Flush writes what is buffered.
func (w *Writer) Flush() error { return nil }
