package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
)

// shell runs the commands of a console block.
type shell struct {
	// bin is the absolute path of the directory of the etlportal binary.
	bin string
	// url is what $DATABASE_URL stands for.
	url string
	// dir is where commands run; empty: here.
	dir string
	// portal is what portalAddress stands for; nil where there is none.
	portal *portal
	// variables are those that commands have set, as NAME=value.
	variables *[]string
}

// These begin commands that run answers itself, because a machine that has
// etlportal need not have psql.
const (
	psqlPrefix      = `psql "$DATABASE_URL" -c '`
	warehousePrefix = `psql "$(etlportal warehouse)" -c '`
)

// assignment is a command that sets a variable for those that follow.
var assignment = regexp.MustCompile(`^([A-Z_]+)=(.*)$`)

// run gives what command prints on standard output and standard error. That it
// ends with a status other than 0 is an error.
func (s shell) run(ctx context.Context, command string) (string, error) {
	if query, ok := strings.CutPrefix(command, psqlPrefix); ok {
		return ask(ctx, s.url, strings.TrimSuffix(query, "'"))
	}
	if query, ok := strings.CutPrefix(command, warehousePrefix); ok {
		url, err := s.run(ctx, "etlportal warehouse")
		if err != nil {
			return "", err
		}
		return ask(ctx, strings.TrimSpace(url), strings.TrimSuffix(query, "'"))
	}
	if set := assignment.FindStringSubmatch(command); set != nil && s.variables != nil {
		value, err := s.run(ctx, `printf %s "`+set[2]+`"`)
		*s.variables = append(*s.variables, set[1]+"="+value)
		return "", err
	}
	if _, err := os.Stat(filepath.Join(s.bin, "etlportal")); err != nil {
		return "", fmt.Errorf("there is no etlportal in %s: run `make build` first", s.bin)
	}
	if s.portal != nil {
		command = strings.ReplaceAll(command, portalAddress, s.portal.address)
	}
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "DATABASE_URL="+s.url, "PATH="+s.bin+string(os.PathListSeparator)+os.Getenv("PATH"), "NO_COLOR=1")
	if s.portal != nil {
		cmd.Env = append(cmd.Env, "ETLPORTAL_DATA_DIR="+s.portal.dir)
	}
	if s.variables != nil {
		cmd.Env = append(cmd.Env, *s.variables...)
	}
	cmd.WaitDelay = 5 * time.Second
	printed, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w", command, err)
	}
	return string(printed), err
}

// ask gives a query's result in psql's aligned format, but for the empty line below it.
func ask(ctx context.Context, url, sql string) (printed string, err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()

	var out strings.Builder
	results := conn.PgConn().Exec(ctx, sql)
	for results.NextResult() {
		result := results.ResultReader()
		columns := make([]column, len(result.FieldDescriptions()))
		for i, field := range result.FieldDescriptions() {
			columns[i] = column{name: field.Name, numeric: isNumeric(field.DataTypeOID)}
		}
		rows := 0
		for ; result.NextRow(); rows++ {
			for i, value := range result.Values() {
				columns[i].values = append(columns[i].values, string(value))
			}
		}
		writeTable(&out, columns, rows)
	}
	if err := results.Close(); err != nil {
		return "", fmt.Errorf("%s: %w", sql, err)
	}
	return out.String(), nil
}

// isNumeric is true for the types that psql aligns to the right: int2, int4,
// int8, float4, float8, numeric, oid.
func isNumeric(oid uint32) bool {
	switch oid {
	case 20, 21, 23, 26, 700, 701, 1700:
		return true
	}
	return false
}

// column is a column of a result; a NULL is the empty string, as in psql.
type column struct {
	name    string
	numeric bool
	values  []string
}

// writeTable writes rows as psql does: names centred, numbers to the right.
func writeTable(out *strings.Builder, columns []column, rows int) {
	widths := make([]int, len(columns))
	for i, c := range columns {
		widths[i] = utf8.RuneCountInString(c.name)
		for _, v := range c.values {
			widths[i] = max(widths[i], utf8.RuneCountInString(v))
		}
	}
	line := func(separator string, cell func(i int) string) {
		cells := make([]string, len(columns))
		for i := range columns {
			cells[i] = cell(i)
		}
		out.WriteString(strings.Join(cells, separator))
		out.WriteByte('\n')
	}
	line("|", func(i int) string {
		free := widths[i] - utf8.RuneCountInString(columns[i].name)
		return " " + strings.Repeat(" ", free/2) + columns[i].name + strings.Repeat(" ", free-free/2) + " "
	})
	line("+", func(i int) string { return strings.Repeat("-", widths[i]+2) })
	for row := range rows {
		line("|", func(i int) string {
			v := columns[i].values[row]
			free := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(v))
			switch {
			case i == len(columns)-1 && columns[i].numeric:
				return " " + free + v
			case i == len(columns)-1:
				return " " + v
			case columns[i].numeric:
				return " " + free + v + " "
			default:
				return " " + v + free + " "
			}
		})
	}
	if rows == 1 {
		out.WriteString("(1 row)\n")
		return
	}
	fmt.Fprintf(out, "(%d rows)\n", rows)
}
