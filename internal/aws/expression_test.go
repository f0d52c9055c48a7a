package aws

import "testing"

func TestExpressions(t *testing.T) {
	for _, good := range []string{
		"rate(1 minute)", "rate(90 days)", "at(2026-11-23T06:30:00)", "cron(0 9 ? * MON-FRI *)", "cron(0/15 * * * ? *)", "cron(0 0 L * ? *)", "cron(0 0 1,15 JAN-JUN/2 ? 2026-2030)",
		"cron(5 4 ? * 2#1 *)", "cron(5 4 ? * FRI#5 *)", "cron(5 4 ? * 6L *)", "cron(5 4 3W * ? *)", "cron(5 4 * * ? *)", "cron(* * ? feb sun,tue *)",
	} {
		if reason := checkExpression(good); reason != "" {
			t.Errorf("%s: %s", good, reason)
		}
	}
	for _, bad := range []string{
		"", "0 9 * * *", "cron(0 9 * * 1-5)", "cron(0 9 * * MON *)", "cron(0 9 ? * ? *)", "cron(60 9 ? * MON *)", "cron(0 24 ? * MON *)", "cron(0 9 0 * ? *)", "cron(0 9 32 * ? *)",
		"cron(0 9 ? 13 MON *)", "cron(0 9 ? * 0 *)", "cron(0 9 ? * 8 *)", "cron(0 9 ? * MON 1969)", "cron(0 9 ? * MOO *)", "cron(5-1 9 ? * MON *)", "cron(0/0 9 ? * MON *)", "cron(, 9 ? * MON *)",
		"cron(0 9 ? * MON#6 *)", "cron(0 9 ? * MON *", "rate(0 days)", "rate(1 week)", "at(tomorrow)", "every day", "cron(-1 9 ? * MON *)", "cron(? 9 ? * MON *)", "cron(0 9 ? * MON *) ",
	} {
		if checkExpression(bad) == "" {
			t.Errorf("%q passes", bad)
		}
	}
}
