package standby

import "syscall"

// This file looks at processes, with system calls alone.

// number takes a number and the space behind it from the front of s; this package has no strconv.
func number(s string) (n int, rest string) {
	const most = int(^uint(0)>>1) / 16
	i := 0
	for ; i < len(s) && s[i] >= '0' && s[i] <= '9' && n < most; i++ {
		n = n*10 + int(s[i]-'0')
	}
	if i == len(s) || s[i] != ' ' {
		return 0, ""
	}
	return n, s[i+1:]
}

func toInt(s string) int {
	n, _ := number(s + " ")
	return n
}

// An image is what changes when a process executes another program, or the same one again: the random addresses of its stack
// and arguments.
type image struct{ stack, args int }

func imageOf(pid int) image {
	stack, args := fieldsOf(pid, 28, 48) // startstack, arg_start
	return image{toInt(stack), toInt(args)}
}

// Environment is the variable that makes a guard of a program that the process pid starts, with the two descriptors.
func Environment(pid, limitMS int, journal string) string {
	i := imageOf(pid)
	return Variable + "=" + digits(pid) + " " + digits(limitMS) + " " + digits(i.stack) + " " + digits(i.args) + " " + journal
}

// PidfdOf is pidfd_open(2).
func PidfdOf(pid int) (int, error) {
	fd, _, errno := syscall.RawSyscall(sysPidfdOpen, uintptr(pid), 0, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(fd), nil
}

// hasProgram reports whether the program of a process can be seen: a dying one has none.
func hasProgram(pid int) bool {
	n, err := syscall.Readlink("/proc/"+digits(pid)+"/exe", make([]byte, 16))
	return err == nil && n > 0
}

func readFile(path string) []byte {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer syscall.Close(fd)
	text := make([]byte, 1024)
	n, _ := syscall.Read(fd, text)
	return text[:max(n, 0)]
}

// fieldsOf takes two fields out of /proc/PID/stat. The name of the program, in parentheses, may contain anything; what
// follows it begins with field 3.
func fieldsOf(pid, one, two int) (first, second string) {
	stat := readFile("/proc/" + digits(pid) + "/stat")
	from := 0
	for i, c := range stat {
		if c == ')' {
			from = i
		}
	}
	field := 2
	for i, c := range stat[from:] {
		if c != ' ' {
			continue
		}
		field++
		switch rest := stat[from+i+1:]; field {
		case one:
			first = word(rest)
		case two:
			second = word(rest)
		}
	}
	return first, second
}

func word(s []byte) string {
	for i, c := range s {
		if c == ' ' || c == '\n' {
			return string(s[:i])
		}
	}
	return string(s)
}

func digits(n int) string {
	var text [20]byte
	i := len(text)
	for first := true; first || n > 0; first = false {
		i--
		text[i] = byte('0' + n%10)
		n /= 10
	}
	return string(text[i:])
}
