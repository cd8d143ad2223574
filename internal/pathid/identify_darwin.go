package pathid

import (
	"encoding/binary"
	"syscall"
)

func birth(st *syscall.Stat_t) []byte {
	b := binary.AppendVarint(nil, st.Birthtimespec.Sec)
	return binary.AppendVarint(b, st.Birthtimespec.Nsec)
}
