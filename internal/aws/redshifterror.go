package aws

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata/types"

	"github.com/etlportal/etlportal/internal/etl"
)

// The Data API tells a failure by its text alone: neither the SQLSTATE nor
// Redshift's own number has a field. This file is the only one that reads texts;
// what it does not know keeps an empty State, and nothing may hang on that.

// What stands before the database's message: which statement of a batch it is
// of, and the words of its driver.
var (
	ofBatch  = regexp.MustCompile(`(?i)^\s*Query #(\d+) failed with:?\s*`)
	preamble = regexp.MustCompile(`(?i)^\s*(?:ERROR:\s*)?(?:Invalid operation:\s*)?`)
	ownCode  = regexp.MustCompile(`^\d{3,5}\b`)
	isolated = regexp.MustCompile(`(?i)serializable isolation violation`)
)

// serialisation is the number of a serialisable isolation violation.
const serialisation = 1023

// texts are the messages of SQLSTATEs that something hangs on.
var texts = []struct {
	form  *regexp.Regexp
	state string
}{
	{regexp.MustCompile(`(?i)cancell?ed on user's request|cancell?ing (query|statement)`), "57014"},
	{regexp.MustCompile(`(?i)deadlock detected`), "40P01"},
	{regexp.MustCompile(`(?i)permission denied|must be owner`), "42501"},
	{regexp.MustCompile(`(?i)(relation|table) .*does not exist`), "42P01"},
	{regexp.MustCompile(`(?i)schema .*does not exist`), "3F000"},
	{regexp.MustCompile(`(?i)(relation|table|schema) .*already exists`), "42P07"},
	{regexp.MustCompile(`(?i)disk full`), "53100"},
	{regexp.MustCompile(`(?i)(insufficient|out of) memory`), "53200"},
}

// failure says which of n statements failed, and why.
func failure(state *redshiftdata.DescribeStatementOutput, n int) error {
	if time.Duration(state.Duration) >= maxRun {
		return etl.Mistakef("statement_too_slow", "Load less at a time, or use a connection instead of the Data API.", "the Data API ends statements after %s", maxRun)
	}
	text := aws.ToString(state.Error)
	e := &etl.StatementError{Index: blamed(state, n), Err: errors.New(string(state.Status))}
	if e.Index < len(state.SubStatements) {
		if own := aws.ToString(state.SubStatements[e.Index].Error); own != "" {
			text = own
		}
	}
	e.Message = strings.TrimSpace(preamble.ReplaceAllString(ofBatch.ReplaceAllString(text, ""), ""))
	if e.Number, _ = strconv.Atoi(ownCode.FindString(e.Message)); e.Number == 0 && isolated.MatchString(e.Message) {
		e.Number = serialisation
	}
	for _, t := range texts {
		if e.State == "" && e.Number == 0 && t.form.MatchString(e.Message) {
			e.State = t.state
		}
	}
	switch {
	case state.Status == types.StatusStringAborted:
		e.State = "57014"
	case e.Index == n && e.State == "" && e.Number == 0:
		// The transaction failed and none of its statements: the session was lost.
		e.State = "08006"
	}
	return e
}

// blamed is the statement that a batch failed at: the one that is FAILED, or
// that the batch's error names, or that has an error of its own, or the first
// that was ended after others that were not; n where it is none of them.
func blamed(state *redshiftdata.DescribeStatementOutput, n int) int {
	if n == 1 {
		return 0
	}
	for i, sub := range state.SubStatements {
		if sub.Status == types.StatementStatusStringFailed {
			return i
		}
	}
	if m := ofBatch.FindStringSubmatch(aws.ToString(state.Error)); m != nil {
		if at, err := strconv.Atoi(m[1]); err == nil && at >= 1 && at <= n {
			return at - 1
		}
	}
	for i, sub := range state.SubStatements {
		if aws.ToString(sub.Error) != "" {
			return i
		}
	}
	for i, sub := range state.SubStatements {
		if sub.Status != types.StatementStatusStringAborted {
			continue
		}
		if i == 0 && state.Status != types.StatusStringAborted {
			break
		}
		return i
	}
	return n
}
