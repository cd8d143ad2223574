package engine

import (
	"strconv"
)

// signalNames are Linux's, by number. The architectures differ in those after SIGTERM only on MIPS and SPARC.
var signalNames = [...]string{
	1: "HUP", 2: "INT", 3: "QUIT", 4: "ILL", 5: "TRAP", 6: "ABRT", 7: "BUS", 8: "FPE", 9: "KILL", 10: "USR1", 11: "SEGV", 12: "USR2",
	13: "PIPE", 14: "ALRM", 15: "TERM", 16: "STKFLT", 17: "CHLD", 18: "CONT", 19: "STOP", 20: "TSTP", 21: "TTIN", 22: "TTOU", 23: "URG",
	24: "XCPU", 25: "XFSZ", 26: "VTALRM", 27: "PROF", 28: "WINCH", 29: "IO", 30: "PWR", 31: "SYS",
}

// signalNumber reads a name, with or without SIG, or a number; -1 is neither.
func signalNumber(text string) int {
	if n, err := strconv.Atoi(text); err == nil {
		if n >= 0 && n <= 64 {
			return n
		}
		return -1
	}
	name := upper(text)
	if hasPrefix(name, "SIG") {
		name = name[3:]
	}
	for n, known := range signalNames {
		if known != "" && known == name {
			return n
		}
	}
	if hasPrefix(name, "RTMIN+") {
		if n, err := strconv.Atoi(name[len("RTMIN+"):]); err == nil && n >= 0 && 34+n <= 64 {
			return 34 + n
		}
	}
	return -1
}

// signalName is SIGTERM, or the number.
func signalName(n int) string {
	if n > 0 && n < len(signalNames) {
		return "SIG" + signalNames[n]
	}
	return "signal " + strconv.Itoa(n)
}
