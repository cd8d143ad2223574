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
	switch name {
	case "IOT":
		return 6
	case "CLD":
		return 17
	case "POLL":
		return 29
	}
	return realTime(name)
}

// realTime reads RTMIN, RTMIN+3, RTMAX-2, RTMAX; -1 is none of them.
func realTime(name string) int {
	const least, most = 34, 64
	base, sign := least, 1
	switch {
	case name == "RTMIN":
		return least
	case name == "RTMAX":
		return most
	case hasPrefix(name, "RTMAX-"):
		base, sign = most, -1
	case !hasPrefix(name, "RTMIN+"):
		return -1
	}
	n, err := strconv.ParseUint(name[len("RTMIN+"):], 10, 8)
	if err != nil || n > most-least {
		return -1
	}
	return base + sign*int(n)
}

// isPassed reports whether a signal is passed on at all. SIGKILL and SIGSTOP nobody can catch, SIGCHLD is about lastly's own children,
// and SIGPROF, 32 and 33 belong to the Go runtime and to C libraries.
func isPassed(sig int) bool {
	switch sig {
	case 9, 17, 19, 27, 32, 33:
		return false
	}
	return true
}

// signalName is SIGTERM, or the number.
func signalName(n int) string {
	if n > 0 && n < len(signalNames) {
		return "SIG" + signalNames[n]
	}
	return "signal " + strconv.Itoa(n)
}
