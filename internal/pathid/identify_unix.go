//go:build unix && !linux

package pathid

import (
	"encoding/binary"
	"io/fs"
	"os"
	"strconv"
	"syscall"
)

// identify identifies what is at a path; a link is itself the thing.
func identify(path string) (thing, fs.FileInfo, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return thing{}, nil, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return thing{}, nil, ErrUnverified
	}
	handle := binary.AppendUvarint(nil, uint64(st.Ino))
	handle = append(handle, birth(st)...)
	return thing{fs: strconv.FormatUint(uint64(st.Dev), 16), typ: weakType, handle: string(handle)}, info, nil
}

// owner is the user that something belongs to.
func owner(info fs.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int64(st.Uid)
	}
	return -1
}
