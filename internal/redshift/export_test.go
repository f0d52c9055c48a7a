package redshift

// SetMost makes COPY give up at fewer refused rows.
func (r *Redshift) SetMost(rows int64) { r.most = rows }
