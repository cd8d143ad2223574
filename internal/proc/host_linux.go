package proc

import (
	"encoding/hex"
	"os"
	"strings"
	"syscall"

	"github.com/lastly-go/lastly/internal/auxv"
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

func readSecure() bool { return auxv.Secure() }
