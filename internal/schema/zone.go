package schema

import "time"

// zone converts between wall clock and UTC and remembers the last stretch of
// time without a change of offset, because neighbouring rows mostly share it.
type zone struct {
	location *time.Location
	// start and end bound the stretch, in Unix seconds.
	start, end int64
	offset     int64
}

func newZone(l *time.Location) zone {
	if l == nil || l.String() == "UTC" {
		return zone{}
	}
	return zone{location: l}
}

const secondsPerDay = 86400

// lookup makes the stretch around a Unix second the remembered one.
func (z *zone) lookup(unix int64) {
	if unix >= z.start && unix < z.end {
		return
	}
	t := time.Unix(unix, 0).In(z.location)
	start, end := t.ZoneBounds()
	_, offset := t.Zone()
	z.offset = int64(offset)
	z.start, z.end = -1<<63, 1<<63-1
	if !start.IsZero() {
		z.start = start.Unix()
	}
	if !end.IsZero() {
		z.end = end.Unix()
	}
}

// toUTC turns a wall clock in microseconds into UTC. A time that the clock
// skips is read with the offset before the change, one that it shows twice with
// the offset after it, as PostgreSQL does (DetermineTimeZoneOffset in
// src/backend/utils/adt/datetime.c).
func (z *zone) toUTC(wall int64) int64 {
	if z.location == nil {
		return wall
	}
	seconds, _ := floorDiv(wall, microsPerSecond)
	unix := seconds + unixToEpoch
	if unix-secondsPerDay >= z.start && unix+secondsPerDay < z.end {
		return wall - z.offset*microsPerSecond
	}
	z.lookup(unix - secondsPerDay)
	before, boundary := z.offset, z.end
	if boundary >= unix+secondsPerDay {
		return wall - before*microsPerSecond
	}
	z.lookup(boundary)
	after := z.offset
	offset := before
	early, late := unix-before, unix-after
	if early >= boundary && late >= boundary || late >= early && !(early < boundary && late < boundary) {
		offset = after
	}
	return wall - offset*microsPerSecond
}

// toWall turns UTC in microseconds into the wall clock.
func (z *zone) toWall(utc int64) int64 {
	if z.location == nil {
		return utc
	}
	seconds, _ := floorDiv(utc, microsPerSecond)
	z.lookup(seconds + unixToEpoch)
	return utc + z.offset*microsPerSecond
}
