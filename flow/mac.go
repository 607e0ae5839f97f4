package flow

import "fmt"

// ParseMAC reads "0a:1b:…": six bytes in hexadecimal.
func ParseMAC(s string) (m MAC, err error) {
	if len(s) != 17 {
		return MAC{}, fmt.Errorf("MAC address %q: want six bytes, as 0a:00:00:00:00:01", s)
	}
	for i := range m {
		high, low := digit(s[3*i]), digit(s[3*i+1])
		if high > 15 || low > 15 || i < 5 && s[3*i+2] != ':' {
			return MAC{}, fmt.Errorf("MAC address %q: want six bytes, as 0a:00:00:00:00:01", s)
		}
		m[i] = high<<4 | low
	}
	return m, nil
}

func digit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

func (m MAC) String() string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}
