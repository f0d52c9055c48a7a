package redshift_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/redshift"
	"github.com/etlportal/etlportal/internal/schema"
)

// othersLedgers are tables in etl_portal that belong to another user.
var othersLedgers = []string{
	"CREATE SCHEMA etl_portal",
	"CREATE TABLE etl_portal.loads (load VARCHAR(64) NOT NULL, target VARCHAR(512), staged BIGINT, inserted BIGINT, updated BIGINT, refused VARCHAR(65535), notes VARCHAR(65535), at TIMESTAMP)",
	"CREATE TABLE etl_portal.stages (load VARCHAR(64) NOT NULL)", "CREATE TABLE etl_portal.target_another (load VARCHAR(64) NOT NULL)",
}

// What a direct load would lack when it is published is told before a row is
// staged, all at once and with the names that there are, and so it is of one that
// is only tried.
func TestDirectLoadLacksPrivileges(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		made   []string
		grants []string
	}{
		"all": {[]string{"REVOKE TEMPORARY ON DATABASE DATABASE FROM PUBLIC"}, []string{"GRANT CREATE ON DATABASE DATABASE TO USER;", "GRANT TEMPORARY ON DATABASE DATABASE TO USER;"}},
		"those of another's ledgers": {
			append(othersLedgers, "REVOKE TEMPORARY ON DATABASE DATABASE FROM PUBLIC"),
			[]string{
				"GRANT USAGE, CREATE ON SCHEMA etl_portal TO USER;", "GRANT SELECT, INSERT, DELETE ON ALL TABLES IN SCHEMA etl_portal TO USER;",
				"ALTER DEFAULT PRIVILEGES FOR USER OWNER IN SCHEMA etl_portal GRANT SELECT, INSERT, DELETE ON TABLES TO USER;", "GRANT TEMPORARY ON DATABASE DATABASE TO USER;",
			},
		},
		"none": {[]string{"CREATE SCHEMA etl_portal AUTHORIZATION USER"}, nil},
		// Those of other targets are other loads' business.
		"none that it needs": {append(othersLedgers, "GRANT USAGE, CREATE ON SCHEMA etl_portal TO USER", "GRANT SELECT, INSERT, DELETE ON etl_portal.loads TO USER"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			as(t, []string{"CREATE TABLE t (id INTEGER)", "GRANT ALL ON t TO USER"}, func(t *testing.T, s *etltest.RedshiftServer, r *redshift.Redshift, user string) {
				t.Helper()
				names := namesIn(t, s, user)
				for _, sql := range c.made {
					s.Exec(names.Replace(sql))
				}
				for _, dry := range []bool{true, false} {
					spec := specOf(t, r, "t")
					spec.DryRun = dry
					_, err := load(t, r, spec, row(1))
					if c.grants == nil {
						if err != nil {
							t.Errorf("dry %v: %v", dry, err)
						}
						continue
					}
					e, ok := errors.AsType[*etl.Error](err)
					if !ok || e.Kind != etl.Mistake || e.Code != "missing_privilege" {
						t.Fatalf("dry %v: %+v", dry, err)
					}
					for _, grant := range c.grants {
						if !strings.Contains(e.Fix, names.Replace(grant)) {
							t.Errorf("%q is not in %q", names.Replace(grant), e.Fix)
						}
					}
				}
				if c.grants == nil {
					s.Want("SELECT count(*) FROM t", "1")
					return
				}
				// They are all that it takes.
				for _, grant := range c.grants {
					s.Exec(names.Replace(grant))
				}
				if _, err := load(t, r, specOf(t, r, "t"), row(1)); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// What is missing to fill the table is told before a row is staged, too, by both
// ways to load and for each strategy.
func TestTargetLacksPrivileges(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		strategy etl.Strategy
		held     string
		grant    string
	}{
		"insert":          {etl.Insert, "SELECT", "GRANT INSERT ON TABLE public.t TO USER;"},
		"upsert":          {etl.Upsert, "SELECT, DELETE", "GRANT INSERT, UPDATE ON TABLE public.t TO USER;"},
		"truncate_insert": {etl.TruncateInsert, "SELECT, INSERT, UPDATE", "GRANT DELETE ON TABLE public.t TO USER;"},
		"create":          {etl.Insert, "", "GRANT CREATE ON SCHEMA public TO USER;"},
	} {
		t.Run(name, func(t *testing.T) {
			made := []string{"CREATE SCHEMA etl_portal AUTHORIZATION USER", "REVOKE CREATE ON SCHEMA public FROM PUBLIC"}
			if c.held != "" {
				made = append(made, "CREATE TABLE t (id INTEGER)", "GRANT "+c.held+" ON t TO USER")
			}
			as(t, made, func(t *testing.T, s *etltest.RedshiftServer, r *redshift.Redshift, user string) {
				t.Helper()
				id := schema.Column{Name: "id", Type: schema.Type{Kind: schema.Integer}}
				spec := etl.LoadSpec{Table: &schema.Table{Schema: "public", Name: "t", Columns: []schema.Column{id}}, Columns: []schema.Column{id}, Strategy: c.strategy, Create: c.held == ""}
				if c.strategy == etl.Upsert {
					spec.Keys, spec.Columns = []string{"id"}, spec.Table.Columns
				}
				_, err := r.Begin(t.Context(), spec)
				for _, err := range []error{err, r.Prepare(t.Context(), "0123456789abcdef", spec)} {
					e, ok := errors.AsType[*etl.Error](err)
					if want := strings.ReplaceAll(c.grant, "USER", user); !ok || e.Code != "missing_privilege" || !strings.Contains(e.Fix, want) {
						t.Errorf("%+v, not %s", err, want)
					}
				}
				s.Exec(strings.ReplaceAll(c.grant, "USER", user))
				if err := r.Prepare(t.Context(), "0123456789abcdef", spec); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// namesIn replaces USER, OWNER and DATABASE by what they are called.
func namesIn(t *testing.T, s *etltest.RedshiftServer, user string) *strings.Replacer {
	t.Helper()
	database, err := s.Ask("SELECT CURRENT_DATABASE()")
	if err != nil {
		t.Fatal(err)
	}
	owner, err := s.Ask("SELECT CURRENT_USER")
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("FOR USER OWNER", "FOR USER "+owner, "USER", user, "DATABASE DATABASE", "DATABASE "+database)
}

// denying is a road to a catalogue that knows of no privilege.
type denying struct{ etl.Statements }

var asked = regexp.MustCompile(`HAS_\w+_PRIVILEGE\(`)

func (d denying) Run(ctx context.Context, statements ...string) ([]etl.StatementResult, error) {
	denied := make([]string, len(statements))
	for i, sql := range statements {
		denied[i] = asked.ReplaceAllString(sql, "1 = 0 AND $0")
	}
	return d.Statements.Run(ctx, denied...)
}

// A privilege that the catalogue does not tell is one all the same; looking for it
// leaves nothing.
func TestPrivilegesThatAreNotTold(t *testing.T) {
	for name := range roads {
		t.Run(name, func(t *testing.T) {
			s := etltest.Redshift(t, etltest.Blobs(t))
			s.Exec("CREATE TABLE t (id INTEGER)")
			r := over(t, s, denying{roadTo(t, name, s)})
			for range 2 {
				if _, err := load(t, r, specOf(t, r, "t"), row(1)); err != nil {
					t.Error(err)
				}
			}
			s.Want("SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM pg_class WHERE relname LIKE 'etl!_check%' ESCAPE '!'), (SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'etl!_check%' ESCAPE '!')", "2|0|0")
		})
	}
}
