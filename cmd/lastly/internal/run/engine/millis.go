package engine

import "strconv"

// Millis is a time in milliseconds.
type Millis int64

// String is such as 5s, 1.5s, 90s.
func (m Millis) String() string {
	return strconv.FormatFloat(float64(m)/1000, 'f', -1, 64) + "s"
}

// most are 30 years and some: beyond anything that is meant, and far from an overflow when times are added up in nanoseconds.
const most Millis = 1 << 40

// ParseMillis reads 90s, 1m30s, 500ms, or a number of seconds as timeout(1) does. bad is what is wrong with it.
func ParseMillis(text string) (m Millis, bad string) {
	const none = "no duration; write 90s, 1m30s, or a number of seconds"
	if text != "" && text[0] == '-' {
		return 0, "a time can't be negative; write 0 or more"
	}
	if text == "" {
		return 0, none
	}
	total, rest := 0.0, text
	if seconds, ok := number(text); ok {
		total, rest = seconds*1000, ""
	}
	for rest != "" {
		n := 0
		for n < len(rest) && (rest[n] >= '0' && rest[n] <= '9' || rest[n] == '.') {
			n++
		}
		u := n
		for u < len(rest) && rest[u] >= 'a' && rest[u] <= 'z' {
			u++
		}
		value, ok := number(rest[:n])
		unit := unitOf(rest[n:u])
		if !ok || unit == 0 {
			return 0, none
		}
		total += value * unit
		rest = rest[u:]
	}
	if total > float64(most) {
		return 0, "too long; 30 years are the most"
	}
	return rounded(total), ""
}

// rounded never makes nothing of a little.
func rounded(ms float64) Millis {
	if ms > 0 && ms < 1 {
		return 1
	}
	return Millis(ms + 0.5)
}

// number reads digits with or without a point, and nothing else that strconv knows.
func number(text string) (float64, bool) {
	for i := range len(text) {
		if (text[i] < '0' || text[i] > '9') && text[i] != '.' {
			return 0, false
		}
	}
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil
}

func unitOf(name string) float64 {
	switch name {
	case "ms":
		return 1
	case "s":
		return 1000
	case "m":
		return 60_000
	case "h":
		return 3_600_000
	case "d":
		return 86_400_000
	}
	return 0
}
