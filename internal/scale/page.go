package scale

import _ "embed"

// page is the text around the figures.
//
//go:embed page.md.tmpl
var page string
