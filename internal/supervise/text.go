package supervise

import "unsafe"

// A decoder takes a text apart that was made with appendNumber and appendText. Package encoding/binary would come too late.
type decoder struct {
	rest []byte
	bad  bool // more was asked for than there is
}

func appendNumber(text []byte, n uint64) []byte {
	for range 8 {
		text = append(text, byte(n))
		n >>= 8
	}
	return text
}

func appendText(text []byte, s string) []byte {
	return append(appendNumber(text, uint64(len(s))), s...)
}

func appendTexts(text []byte, list []string) []byte {
	text = appendNumber(text, uint64(len(list)))
	for _, s := range list {
		text = appendText(text, s)
	}
	return text
}

func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.rest)) {
		d.bad, d.rest = true, nil
		return nil
	}
	taken := d.rest[:n]
	d.rest = d.rest[n:]
	return taken
}

func (d *decoder) number() (n uint64) {
	for i, b := range d.take(8) {
		n |= uint64(b) << (8 * i)
	}
	return n
}

func (d *decoder) int() int { return int(int64(d.number())) }

func (d *decoder) bool() bool { return d.number() != 0 }

// text is a part of what is decoded, which does not change any more.
func (d *decoder) text() string {
	text := d.take(d.number())
	return unsafe.String(unsafe.SliceData(text), len(text))
}

// count is how many items follow, each of at least 8 bytes.
func (d *decoder) count() int {
	n := d.number()
	if n > uint64(len(d.rest))/8 {
		d.bad, d.rest = true, nil
		return 0
	}
	return int(n)
}

func (d *decoder) texts() []string {
	list := make([]string, d.count())
	for i := range list {
		list[i] = d.text()
	}
	return list
}

func (d *decoder) bools() []bool {
	list := make([]bool, d.count())
	for i := range list {
		list[i] = d.bool()
	}
	return list
}

func digits(n int) string {
	var text [20]byte
	i := len(text)
	for first := true; first || n > 0; first = false {
		i--
		text[i] = byte('0' + n%10)
		n /= 10
	}
	return string(text[i:])
}

// leading takes the number at the front of s.
func leading(s string) (n int, rest string) {
	const most = int(^uint(0)>>1) / 16
	i := 0
	for ; i < len(s) && s[i] >= '0' && s[i] <= '9' && n < most; i++ {
		n = n*10 + int(s[i]-'0')
	}
	return n, s[i:]
}
