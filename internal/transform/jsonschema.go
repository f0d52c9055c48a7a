package transform

import (
	"encoding/json"
	"slices"
	"strings"
)

// MappingJSONSchema is the JSON Schema (draft 2020-12) of a mapping file, indented.
func MappingJSONSchema() []byte {
	text := func(description string, examples ...string) map[string]any {
		m := map[string]any{"type": "string", "description": description}
		if len(examples) > 0 {
			m["examples"] = examples
		}
		return m
	}
	scalarTypes := []string{"string", "number", "boolean"}
	names := functionNames(true)
	anyCase := slices.Clone(names)
	for _, n := range names {
		anyCase = append(anyCase, strings.ToLower(n))
	}
	forms := make([]string, len(names))
	for i, n := range names {
		forms[i] = functions[strings.ToLower(n)].asTransformation()
	}
	s := map[string]any{
		"$schema":              "https://json-schema.org/draft/2020-12/schema",
		"$id":                  "urn:etlportal:mapping",
		"title":                "ETL Portal mapping",
		"description":          "How the columns of a CSV file become the columns of a table.",
		"type":                 "object",
		"required":             []string{"columns"},
		"additionalProperties": false,
		"properties": map[string]any{
			"columns": map[string]any{
				"type": "array", "minItems": 1, "items": map[string]any{"$ref": "#/$defs/column"},
				"description": "One item per destination column.",
			},
			"filter": text("A condition on the columns of the file; rows for which it is not true are left out.", "amount > 0 and country in ['DE', 'AT']"),
			"on_bad_row": map[string]any{
				"type": "object", "additionalProperties": false,
				"description": "What a row that cannot be converted does to the load.",
				"properties": map[string]any{
					"mode":      map[string]any{"enum": []string{"fail", "skip"}, "default": "fail", "description": "fail stops at the first bad row; skip sets bad rows aside."},
					"max_rows":  map[string]any{"type": "integer", "minimum": 0, "description": "With skip: more bad rows than this fail the load."},
					"max_ratio": map[string]any{"type": "number", "minimum": 0, "maximum": 1, "description": "With skip: a larger share of bad rows fails the load; 0.05 is 5 %."},
				},
			},
		},
		"$defs": map[string]any{
			"column": map[string]any{
				"type": "object", "additionalProperties": false,
				"required":    []string{"destination"},
				"anyOf":       []any{map[string]any{"required": []string{"source"}}, map[string]any{"required": []string{"expression"}}},
				"description": "Fills one destination column: null words, transformations, conversion, expression, default, in this order.",
				"properties": map[string]any{
					"source":          text("The column of the file; case, spaces, underscores and hyphens may differ.", "Order Date"),
					"destination":     text("The column of the table, as the table names it.", "order_date"),
					"type":            text("The SQL type to convert to; absent, the table's column decides.", "numeric(10,2)", "date", "timestamptz"),
					"format":          text("How the values are written.", "DD.MM.YYYY", "1.234,56 €", "ja/nein", "epoch_ms"),
					"transformations": map[string]any{"type": "array", "items": map[string]any{"$ref": "#/$defs/transformation"}, "description": "Steps on the text of the field, in order."},
					"expression":      text("A calculation over the columns of the file; with a source, value is the converted field.", "amount * qty", "value ?? 0"),
					"default":         map[string]any{"type": scalarTypes, "description": "Used where the value is NULL; in the plain form of the type, whatever the format."},
					"null_values": map[string]any{
						"type": "array", "items": map[string]any{"type": scalarTypes},
						"description": "The words that mean NULL. Absent: the empty unquoted field does, and for every type but text the empty quoted one. An empty list: nothing does. With \"\" in the list: every empty field does.",
					},
					"required": map[string]any{"type": "boolean", "default": false, "description": "Makes NULL a bad row."},
				},
			},
			"transformation": map[string]any{
				"description": "One of " + strings.Join(forms, ", ") + ".",
				"oneOf": []any{
					map[string]any{"$ref": "#/$defs/function"},
					map[string]any{
						"type": "object", "additionalProperties": false, "required": []string{"fn"},
						"properties": map[string]any{
							"fn":   map[string]any{"$ref": "#/$defs/function"},
							"args": map[string]any{"type": "array", "items": map[string]any{"type": append(scalarTypes, "null")}, "description": "The arguments after the field itself."},
						},
					},
				},
			},
			"function": map[string]any{"enum": anyCase, "description": "A function; upper or lower case."},
		},
	}
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		// Maps of texts, numbers and lists always marshal; a test reads the result.
		return nil
	}
	return append(b, '\n')
}
