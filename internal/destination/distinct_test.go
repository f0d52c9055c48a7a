package destination

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestKeySetMatchesAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var set keySet
		seen := map[uint64]bool{}
		unsure := false
		for range rapid.IntRange(1, 20).Draw(t, "batches") {
			// A few low bits only, so that slots collide.
			hashes := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) uint64 {
				return rapid.Uint64Range(0, 1<<40).Draw(t, "hash") << 12
			}), 0, 50).Draw(t, "hashes")
			set.add(hashes)
			for _, h := range hashes {
				unsure = unsure || seen[h]
				seen[h] = true
			}
			require.Equal(t, unsure, set.unsure)
		}
	})
}

func TestKeySetGrowsAndGivesUp(t *testing.T) {
	var set keySet
	const spread = uint64(0x9e3779b97f4a7c15)
	for i := range uint64(100_000) {
		require.True(t, set.insert(i*spread))
	}
	seen := uint64(77)
	require.False(t, set.insert(seen*spread))
	set.used = maxDistinct
	set.slots = set.slots[: len(set.slots)/2 : len(set.slots)/2]
	set.add([]uint64{12345})
	require.True(t, set.unsure)
	require.Nil(t, set.slots)
}
