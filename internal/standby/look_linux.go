package standby

import (
	"syscall"
	"unsafe"
)

// This file looks at processes, with system calls alone.

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

func Secure() bool {
	const atSecure = 23
	vector := readFile("/proc/self/auxv")
	word := int(unsafe.Sizeof(uintptr(0)))
	for ; len(vector) >= 2*word; vector = vector[2*word:] {
		if *(*uintptr)(unsafe.Pointer(&vector[0])) == atSecure {
			return *(*uintptr)(unsafe.Pointer(&vector[word])) != 0
		}
	}
	return syscall.Getuid() != syscall.Geteuid() || syscall.Getgid() != syscall.Getegid() // no /proc here
}

func toInt(s string) int {
	n, _ := number(s + " ")
	return n
}

type image struct{ stack, args int }

func imageOf(pid int) image {
	stack, args := fieldsOf(pid, 28, 48) // startstack, arg_start
	return image{toInt(stack), toInt(args)}
}

func Environment(pid, limitMS int, journal string) string {
	i := imageOf(pid)
	return Variable + "=" + digits(pid) + " " + digits(limitMS) + " " + digits(i.stack) + " " + digits(i.args) + " " + journal
}

func PidfdOf(pid int) (int, error) {
	fd, _, errno := syscall.RawSyscall(sysPidfdOpen, uintptr(pid), 0, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(fd), nil
}

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
