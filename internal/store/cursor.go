package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/etlportal/etlportal/internal/etl"
)

const (
	defaultLimit = 50
	maxLimit     = 1000
)

// A cursor is the keyset of the last item of a page, so that items made
// meanwhile neither shift nor repeat anything. It carries a checksum over the
// list and its filter: one that was cut, edited, or taken to another list is
// refused instead of giving a page of nonsense. The checksum needs no secret,
// because a keyset opens nothing that the list itself does not show.

// cursorOf makes the cursor of keys in a list.
func cursorOf(list string, keys ...int64) string {
	texts := make([]string, len(keys))
	for i, k := range keys {
		texts[i] = strconv.FormatInt(k, 36)
	}
	body := strings.Join(texts, ".")
	return base64.RawURLEncoding.EncodeToString(append(checksum(list, body), body...))
}

func checksum(list, body string) []byte {
	sum := sha256.Sum256([]byte("etlportal cursor 1\x00" + list + "\x00" + body))
	return sum[:8]
}

// window is a page asked for: from after the keys, limit items.
type window struct {
	list  string
	after []int64 // nil: from the start
	limit int
}

// read checks a page against the list that it is for; n is the number of keys in its cursor.
func read(p etl.Page, list string, n int) (window, error) {
	w := window{list: list, limit: p.Limit}
	switch {
	case p.Limit == 0:
		w.limit = defaultLimit
	case p.Limit < 0 || p.Limit > maxLimit:
		return w, etl.Mistakef(CodeBadLimit, fmt.Sprintf("Use 1 to %d; more items come with the next pages.", maxLimit), "the limit %d is not possible", p.Limit)
	}
	if p.Cursor == "" {
		return w, nil
	}
	bad := etl.Mistakef(CodeBadCursor, "Use the next cursor of this list's previous page, unchanged and with the same filters, or none to begin anew.", "the cursor does not belong to this list")
	b, err := base64.RawURLEncoding.Strict().DecodeString(p.Cursor)
	// The decoder skips line ends.
	if err != nil || strings.ContainsAny(p.Cursor, "\r\n") || len(b) < 9 || len(b) > 200 || !bytes.Equal(b[:8], checksum(list, string(b[8:]))) {
		return w, bad
	}
	for text := range strings.SplitSeq(string(b[8:]), ".") {
		k, err := strconv.ParseInt(text, 36, 64)
		if err != nil {
			return w, bad
		}
		w.after = append(w.after, k)
	}
	if len(w.after) != n {
		return w, bad
	}
	return w, nil
}

// key is the i-th key to go on after; otherwise where the page is the first.
func (w window) key(i int, otherwise int64) int64 {
	if w.after == nil {
		return otherwise
	}
	return w.after[i]
}

// fetch is how many rows to ask for: one more shows whether there is a next page.
func (w window) fetch() int { return w.limit + 1 }

// page cuts the items that fetch gave.
func page[T any](w window, items []T, keys func(T) []int64) etl.List[T] {
	if len(items) <= w.limit {
		return etl.List[T]{Items: items}
	}
	items = items[:w.limit]
	return etl.List[T]{Items: items, Next: cursorOf(w.list, keys(items[len(items)-1])...)}
}
