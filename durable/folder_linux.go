package durable

import "syscall"

// remote are the types of statfs(2) that may have their files on another host. FUSE may be anything, so it counts.
var remote = map[int64]string{
	0x6969: "nfs", 0x517b: "smb", 0xff534d42: "cifs", 0xfe534d42: "smb2", 0x5346414f: "afs", 0x6b414653: "afs",
	0x00c36400: "ceph", 0x01021997: "9p", 0x65735546: "fuse", 0x0bd00bd0: "lustre", 0x7461636f: "ocfs2",
	0x01161970: "gfs2", 0x47504653: "gpfs", 0x73757245: "coda", 0x786f4256: "vboxsf", 0x564c: "ncp",
}

// networkFilesystem names the filesystem of dir if it is one whose locks other hosts may not see.
func networkFilesystem(dir string) string {
	var st syscall.Statfs_t
	if syscall.Statfs(dir, &st) != nil {
		return ""
	}
	return remote[int64(uint32(st.Type))]
}
