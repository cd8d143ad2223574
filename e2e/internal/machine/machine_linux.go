package machine

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// Load is the average number of processes that ran or wanted to, in the last minute.
func Load() string {
	text, _ := os.ReadFile("/proc/loadavg")
	average, _, _ := strings.Cut(string(text), " ")
	return average
}

// Filesystem names that of a folder, or numbers it if it is none of the most frequent ones: see statfs(2).
func Filesystem(dir string) string {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return err.Error()
	}
	names := map[int64]string{0xef53: "ext4", 0x01021994: "tmpfs", 0x794c7630: "overlayfs", 0x58465342: "xfs", 0x9123683e: "btrfs"}
	if name := names[int64(fs.Type)]; name != "" {
		return name
	}
	return fmt.Sprintf("filesystem %#x", fs.Type)
}
