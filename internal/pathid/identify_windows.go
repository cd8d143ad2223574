package pathid

import (
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// identify identifies what is at a path; a link is itself the thing. The number that NTFS gives a file contains a count of
// its uses (GetFileInformationByHandle, nFileIndex).
func identify(path string) (thing, fs.FileInfo, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return thing{}, nil, err
	}
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return thing{}, nil, err
	}
	const share = syscall.FILE_SHARE_READ | syscall.FILE_SHARE_WRITE | syscall.FILE_SHARE_DELETE
	h, err := syscall.CreateFile(name, 0, share, nil, syscall.OPEN_EXISTING,
		syscall.FILE_FLAG_BACKUP_SEMANTICS|syscall.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if err != nil {
		return thing{}, nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer func() { _ = syscall.CloseHandle(h) }()
	var d syscall.ByHandleFileInformation
	if err := syscall.GetFileInformationByHandle(h, &d); err != nil {
		return thing{}, nil, err
	}
	handle := binary.BigEndian.AppendUint32(nil, d.FileIndexHigh)
	handle = binary.BigEndian.AppendUint32(handle, d.FileIndexLow)
	handle = binary.BigEndian.AppendUint64(handle, uint64(d.CreationTime.Nanoseconds()))
	return thing{fs: strconv.FormatUint(uint64(d.VolumeSerialNumber), 16), typ: weakType, handle: string(handle)}, info, nil
}

// owner is not asked here: the rights of a file are no number.
func owner(fs.FileInfo) int64 { return -1 }

// homes are the home folders that are known.
func homes(...int64) []string {
	if home, err := os.UserHomeDir(); err == nil && filepath.IsAbs(home) {
		return []string{filepath.Clean(home)}
	}
	return nil
}
