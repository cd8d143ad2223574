//go:build unix

package pathid

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// maxPasswd bounds what is read of passwd(5).
const maxPasswd = 4 << 20

// homes are the home folders: of the environment, and those that passwd(5) has for the users. The file is read without
// the C library, whose modules can hang on a network; users whom only the network knows are covered by the environment.
func homes(uids ...int64) []string {
	var found []string
	if home := os.Getenv("HOME"); filepath.IsAbs(home) {
		found = append(found, filepath.Clean(home))
	}
	file, err := os.Open("/etc/passwd")
	if err != nil {
		return found
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(io.LimitReader(file, maxPasswd))
	for lines.Scan() {
		fields := strings.Split(lines.Text(), ":") // name:password:uid:gid:comment:home:shell
		if len(fields) < 7 || !filepath.IsAbs(fields[5]) {
			continue
		}
		for _, uid := range uids {
			if fields[2] == strconv.FormatInt(uid, 10) {
				found = append(found, filepath.Clean(fields[5]))
			}
		}
	}
	return found
}
