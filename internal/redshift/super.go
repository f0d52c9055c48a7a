package redshift

// longText is the size in bytes of the first text of a JSON that is longer than
// SUPER takes (https://docs.aws.amazon.com/redshift/latest/dg/limitations-super.html),
// without quotes and escapes; 0 where there is none. What is no JSON COPY refuses.
func longText(json []byte) int {
	for i := 0; len(json)-i > maxVarchar; i++ {
		if json[i] != '"' {
			continue
		}
		size := 0
		for i++; i < len(json) && json[i] != '"'; i++ {
			if json[i] != '\\' || i+1 == len(json) {
				size++
				continue
			}
			if i++; json[i] != 'u' {
				size++
				continue
			}
			n, digits := escaped(json[i+1:])
			size, i = size+n, i+digits
		}
		if size > maxVarchar {
			return size
		}
	}
	return 0
}

// escaped is how many bytes of UTF-8 the character has whose four hexadecimal
// digits are the first of some, and how many those are.
func escaped(digits []byte) (size, length int) {
	unit := 0
	for _, c := range digits[:min(4, len(digits))] {
		switch {
		case '0' <= c && c <= '9':
			unit = unit<<4 | int(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			unit = unit<<4 | int(c|0x20-'a'+10)
		}
	}
	switch {
	case unit < 0x80:
		size = 1
	case unit < 0x800 || 0xd800 <= unit && unit < 0xe000:
		size = 2 // each half of a pair has half of its four bytes
	default:
		size = 3
	}
	return size, min(4, len(digits))
}
