package scale

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// sortBreaks puts what stops first, then what comes first.
func sortBreaks(b []Break) {
	slices.SortStableFunc(b, func(a, b Break) int {
		return cmp.Or(stopsFirst(a)-stopsFirst(b), cmp.Compare(a.At, b.At), cmp.Compare(a.Name, b.Name))
	})
}

func stopsFirst(b Break) int {
	if b.Stops {
		return 0
	}
	return 1
}

// size is a number of bytes for people, in powers of ten.
func size(n int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	v, i := float64(n), 0
	for v >= 1000 && i < len(units)-1 {
		v, i = v/1000, i+1
	}
	return strconv.FormatFloat(v, 'f', min(1, i), 64) + " " + units[i]
}

// clock is a time for people.
func clock(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	case d < 48*time.Hour:
		return fmt.Sprintf("%.1f h", d.Hours())
	}
	return fmt.Sprintf("%.1f days", d.Hours()/24)
}

// count has its thousands parted.
func count(n int64) string {
	text := strconv.FormatInt(n, 10)
	var parts []string
	for len(text) > 3 {
		parts = append([]string{text[len(text)-3:]}, parts...)
		text = text[:len(text)-3]
	}
	return strings.Join(append([]string{text}, parts...), ",")
}
