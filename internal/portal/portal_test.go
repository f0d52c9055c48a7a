package portal

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
	"github.com/etlportal/etlportal/internal/transform"
	"github.com/etlportal/etlportal/internal/workflow"
)

func TestRefusedAddresses(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1": false, "::1": false, "10.0.0.5": false, "192.168.1.2": false, "203.0.113.9": false, "2001:db8::5": false, "fd12::1": false,
		"169.254.169.254": true, "169.254.0.1": true, "::ffff:169.254.169.254": true, "fe80::1": true, "fe80::1%eth0": true, "fd00:ec2::254": true,
		"100.100.100.200": true, "192.0.0.192": true, "0.0.0.0": true, "::": true, "224.0.0.1": true, "ff02::1": true, "255.255.255.255": true,
		"64:ff9b::a9fe:a9fe": true, "64:ff9b::a00:5": false, "2002:a9fe:a9fe::1": true, "2002:cb00:7109::1": false,
	} {
		a := netip.MustParseAddr(address)
		require.Equal(t, want, refused(a), address)
		err := Guard("tcp", netip.AddrPortFrom(a, 5432).String(), nil)
		require.Equal(t, want, err != nil, address)
	}
	require.Error(t, Guard("tcp", "db.example.com:5432", nil), "a name was not resolved")
}

func TestSafeCells(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "a": "a", "=1+1": "'=1+1", "@x": "'@x", "\tx": "'\tx", "\rx": "'\rx", "-5": "-5", "+5": "+5", "-1.234,50": "-1.234,50",
		"-": "'-", "-a": "'-a", "+1+2": "'+1+2", "-1-2": "'-1-2", "--5": "'--5", "'=1": "'=1", "-.": "'-.",
	} {
		require.Equal(t, want, string(safeCell(in)), in)
	}
}

func TestSafeCellsNeverStartAFormula(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[=+\-@\t\r0-9a.,(]{0,6}`).Draw(t, "cell")
		got := string(safeCell(s))
		require.True(t, strings.HasSuffix(got, s), "nothing is lost")
		if got != "" && strings.ContainsRune("=@\t\r", rune(got[0])) {
			t.Fatalf("%q", got)
		}
		if got != "" && (got[0] == '+' || got[0] == '-') && strings.Trim(got[1:], "0123456789.,") != "" {
			t.Fatalf("%q", got)
		}
	})
}

// Whatever its size, a file's parts are few enough, hold all of it, and only the last one is short.
func TestPartsHoldTheFile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(1, maxFile).Draw(t, "size")
		s := sizesOf(&etl.Source{Size: size, PartSize: PartSize(size)})
		require.LessOrEqual(t, s.count, int32(maxParts))
		require.Zero(t, s.part%mib)
		require.LessOrEqual(t, s.part, int64(5<<30), "S3's largest part")
		last := s.of(s.count)
		require.Equal(t, size, int64(s.count-1)*s.part+last)
		require.True(t, last > 0 && last <= s.part)
	})
}

func TestRejectRowsKeepTheFilesShape(t *testing.T) {
	row := func(r etl.Reject) string {
		var parts []string
		for _, c := range rejectRow(nil, &r, 3) {
			parts = append(parts, string(c))
		}
		return strings.Join(parts, "|")
	}
	require.Equal(t, "1|2|3|7|b|bad", row(etl.Reject{Line: 7, Column: "b", Reason: "bad", Fields: []string{"1", "2", "3"}}))
	require.Equal(t, "1|||7||short", row(etl.Reject{Line: 7, Reason: "short", Fields: []string{"1"}}))
	require.Equal(t, "1|2|3,4,5|7||long", row(etl.Reject{Line: 7, Reason: "long", Fields: []string{"1", "2", "3", "4", "5"}}))
	require.Equal(t, "'=x|||7||raw", row(etl.Reject{Line: 7, Reason: "raw", Raw: []byte("=x")}))
}

func TestProgress(t *testing.T) {
	require.Zero(t, progress(&etl.Run{}))
	require.InDelta(t, 49.5, progress(&etl.Run{BytesTotal: 10, BytesRead: 5}), 0)
	require.InDelta(t, 99, progress(&etl.Run{BytesTotal: 10, BytesRead: 12, Status: etl.Running}), 0)
	require.InDelta(t, 100, progress(&etl.Run{Status: etl.Completed}), 0)
}

func TestLimiter(t *testing.T) {
	var l limiter
	now := time.Unix(1000, 0)
	for range 3 {
		_, ok := l.allow("a", 3, now)
		require.True(t, ok)
	}
	wait, ok := l.allow("a", 3, now.Add(20*time.Second))
	require.False(t, ok)
	require.Equal(t, 40*time.Second, wait)
	_, ok = l.allow("b", 3, now)
	require.True(t, ok, "each has his own")
	_, ok = l.allow("a", 3, now.Add(time.Minute))
	require.True(t, ok)
}

// The engine's fixes speak of flags; none of them may reach a caller of the API.
func TestFixesSpeakOfNoFlags(t *testing.T) {
	_, _, err := workflow.InspectSample(t.Context(), "a.csv", []byte("\x1f\x8b\x08\x00"), true, workflow.ReadOptions{})
	require.ErrorContains(t, err, "gunzip")
	e := &etl.Error{}
	require.ErrorAs(t, forAPI(err), &e)
	require.Equal(t, "Unpack it and send the CSV inside", e.Fix)
	_, _, err = transform.AutoMap([]transform.Source{{Name: "x"}}, tableOf("y"))
	require.ErrorContains(t, err, "--mapping")
	require.NotContains(t, forAPI(err).Error(), "--")
}

func tableOf(names ...string) *schema.Table {
	t := &schema.Table{Name: "t"}
	for _, n := range names {
		t.Columns = append(t.Columns, schema.Column{Name: n, Type: schema.Type{Kind: schema.Text}})
	}
	return t
}
