package etltest

import (
	"context"
	"regexp"
	"strings"
)

// rewrite changes what of a statement is in no literal, and its quoted names.
func rewrite(sql string, plain, named func(string) string) string {
	var out strings.Builder
	last := 0
	for _, at := range quotedText.FindAllStringIndex(sql, -1) {
		out.WriteString(plain(sql[last:at[0]]))
		part := sql[at[0]:at[1]]
		if part[0] == '"' {
			part = named(part)
		}
		out.WriteString(part)
		last = at[1]
	}
	out.WriteString(plain(sql[last:]))
	return out.String()
}

func asIs(s string) string { return s }

var setCase = regexp.MustCompile(`(?i)^(?:SET\s+(?:SESSION\s+)?enable_case_sensitive_identifier\s*(?:TO|=)\s*'?(\w+)'?|RESET\s+enable_case_sensitive_identifier)$`)

// setting does what sets something that PostgreSQL does not know.
func (x *redshiftSession) setting(ctx context.Context, sql string) (done bool, a replied, err error) {
	if x.s.LocksOutlast && strings.HasPrefix(strings.ToLower(sql), "set statement_timeout") {
		a, err = x.forward(ctx, "SET application_name TO 'patient'")
		return true, a, err
	}
	m := setCase.FindStringSubmatch(sql)
	if m == nil {
		return false, replied{}, nil
	}
	on := x.s.KeepsCase
	switch strings.ToLower(m[1]) {
	case "true", "on", "1":
		on = true
	case "false", "off", "0":
		on = false
	}
	if a, err = x.forward(ctx, "SET rs.sensitive TO "+onOff(on)); err == nil {
		x.sensitive = on
	}
	return true, a, err
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// ExecCaseSensitive runs statements with enable_case_sensitive_identifier on, so
// that quoted names keep their capitals.
func (s *RedshiftServer) ExecCaseSensitive(statements ...string) {
	s.t.Helper()
	x, err := s.begin(context.Background(), true)
	if err != nil {
		s.t.Fatal(err)
	}
	defer s.end(x)
	for _, sql := range append([]string{"SET enable_case_sensitive_identifier TO true"}, statements...) {
		if _, err := x.exec(context.Background(), sql); err != nil {
			s.t.Fatalf("%s: %v", sql, err)
		}
	}
}
