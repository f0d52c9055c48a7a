package sniff

func detect(sample []byte, atEOF bool, o Options) (*Result, error) {
	return &Result{}, nil
}
