package proc

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

func readBootID() string {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

func readNamespace() uint64 {
	info, err := os.Stat("/proc/self/ns/pid")
	if err != nil {
		return 0
	}
	return info.Sys().(*syscall.Stat_t).Ino
}

func readHostID() string {
	for _, file := range []string{"/etc/machine-id", "/var/lib/dbus/machine-id"} {
		text, err := os.ReadFile(file)
		if id := strings.TrimSpace(string(text)); err == nil && isMachineID(id) {
			return id
		}
	}
	text, err := os.ReadFile("/sys/class/dmi/id/product_uuid")
	if id := strings.ToLower(strings.TrimSpace(string(text))); err == nil && isMachineID(strings.ReplaceAll(id, "-", "")) {
		return id
	}
	return byHostname()
}

// isMachineID leaves out what is not set yet: "uninitialized", nothing, and only zeros or only ones of a careless firmware.
func isMachineID(id string) bool {
	_, err := hex.DecodeString(id)
	return err == nil && len(id) == 32 && strings.Trim(id, "0") != "" && strings.Trim(id, "f") != ""
}

// readSecure reads AT_SECURE of the auxiliary vector. A program that runs with other rights than its caller's may not even
// read its own.
func readSecure() bool {
	vector, err := os.ReadFile("/proc/self/auxv")
	if errors.Is(err, fs.ErrNotExist) {
		return !equalIDs() // no /proc
	}
	secure, ok := atSecure(vector)
	return err != nil || !ok || secure
}

func atSecure(vector []byte) (secure, ok bool) {
	const tag, word = 23, 32 << (^uint(0) >> 63) / 8
	for ; len(vector) >= 2*word; vector = vector[2*word:] {
		key, value := uint64(binary.NativeEndian.Uint32(vector)), uint64(binary.NativeEndian.Uint32(vector[word:]))
		if word == 8 {
			key, value = binary.NativeEndian.Uint64(vector), binary.NativeEndian.Uint64(vector[word:])
		}
		if key == tag {
			return value != 0, true
		}
	}
	return false, false
}
