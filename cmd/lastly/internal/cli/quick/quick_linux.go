package quick

import (
	"path"
	"strconv"
	"strings"
	"syscall"

	"github.com/lastly-go/lastly/internal/early"
)

// Tried is true in every process in which main begins.
var Tried = add()

// add ends the process if it can.
func add() bool {
	args := arguments()
	if len(args) < 4 || args[1] != "add" {
		return true
	}
	socket, _ := syscall.Getenv("LASTLY_RUN")
	request := requestOf(args[2], args[3:])
	if socket == "" || socket[0] == '@' || socket[0] == '!' || request == "" {
		return true
	}
	id, sent := ask(socket, request)
	if id == "" && !sent {
		return true
	}
	if id == "" {
		complain("the run at " + socket + " did not answer in " + strconv.Itoa(patience) + "s, or ended meanwhile: it may be stopped, or the machine very busy; `lastly list` shows whether it was done")
		syscall.Exit(1)
	}
	if _, err := syscall.Write(1, []byte(id+"\n")); err != nil && err != syscall.EPIPE { //nolint:errorlint // of package syscall
		complain("write the id " + id + ": " + err.Error() + "; make room, or write elsewhere")
		syscall.Exit(1)
	}
	syscall.Exit(0)
	return true
}

func complain(text string) {
	_, _ = syscall.Write(2, []byte("lastly: "+text+"\n"))
}

// arguments are the process's, before package os has them.
func arguments() []string {
	text := strings.TrimSuffix(string(early.ReadFile("/proc/self/cmdline")), "\x00")
	return strings.Split(text, "\x00")
}

// requestOf is the line that asks for it; "" if that is not for here.
func requestOf(kind string, words []string) string {
	name, words, ok := cutName(words, kind == "exec")
	if !ok || len(words) == 0 {
		return ""
	}
	payload := ""
	switch {
	case kind == "remove" && len(words) == 1 && words[0] != "":
		if file := absolute(words[0]); file != "" {
			payload = `{"path":` + quote(file) + `}`
		}
	case kind == "kill" && len(words) == 1:
		if pid, err := strconv.Atoi(words[0]); err == nil && pid > 0 {
			payload = `{"pid":` + strconv.Itoa(pid) + `}`
		}
	case kind == "exec":
		payload = execOf(words)
	}
	if payload == "" {
		return ""
	}
	line := `{"op":"add","kind":"` + kind + `","payload":` + payload + `,"name":` + quote(name) + `,"pid":` + strconv.Itoa(syscall.Getpid()) + "}\n"
	for i := range len(line) - 1 {
		if line[i] < ' ' || line[i] > '~' {
			return "" // package encoding/json knows how
		}
	}
	return line
}

// cutName takes --name out of the words. It returns false if there is any other flag. In those of a command, what comes after
// its first word is the command's.
func cutName(words []string, command bool) (name string, rest []string, ok bool) {
	for i := 0; i < len(words); i++ {
		w := words[i]
		switch {
		case w == "--name" && i+1 < len(words):
			i++
			name = words[i]
		case strings.HasPrefix(w, "--name="):
			name = w[len("--name="):]
		case w == "--" && command:
			return name, append(rest, words[i+1:]...), true
		case strings.HasPrefix(w, "-"):
			return "", nil, false
		case command:
			return name, append(rest, words[i:]...), true
		default:
			rest = append(rest, w)
		}
	}
	return name, rest, true
}

// absolute is a path from the root; "" if there is none.
func absolute(file string) string {
	if strings.HasPrefix(file, "/") {
		return path.Clean(file)
	}
	if dir := folder(); dir != "" {
		return path.Join(dir, file)
	}
	return ""
}

// folder is the working folder. If it was reached through links, PWD says what the user calls it, and package os goes by that.
func folder() string {
	dir, err := syscall.Getwd()
	if pwd, _ := syscall.Getenv("PWD"); err != nil || pwd != dir {
		return ""
	}
	return dir
}

func execOf(words []string) string {
	program, dir := find(words[0]), folder()
	if program == "" || dir == "" {
		return ""
	}
	args := quote(program)
	for _, w := range words[1:] {
		args += "," + quote(w)
	}
	return `{"args":[` + args + `],"dir":` + quote(dir) + `}`
}

// find is where a program is. In doubt, it is found later, by package exec.
func find(program string) string {
	if strings.HasPrefix(program, "/") {
		return program
	}
	if strings.Contains(program, "/") {
		return ""
	}
	search, _ := syscall.Getenv("PATH")
	for dir := range strings.SplitSeq(search, ":") {
		if !strings.HasPrefix(dir, "/") {
			return ""
		}
		var st syscall.Stat_t
		file := path.Join(dir, program)
		if syscall.Stat(file, &st) == nil && st.Mode&syscall.S_IFMT == syscall.S_IFREG && syscall.Access(file, 1) == nil {
			return file
		}
	}
	return ""
}

// quote is a text in JSON, if it is of printable ASCII; requestOf refuses others.
func quote(s string) string {
	s = strings.ReplaceAll(s, `\`, `\\`)
	return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"`
}

// patience is how long the run may take for an answer, in seconds.
const patience = 10

// ask sends the request, and returns the id in the answer; "" if there is none. If there is no answer at all to what was sent, it must
// not be sent again: the run may get to it yet.
func ask(socket, request string) (id string, sent bool) {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", false
	}
	defer func() { _ = syscall.Close(fd) }()
	if syscall.Connect(fd, &syscall.SockaddrUnix{Name: socket}) != nil {
		return "", false
	}
	if peer, err := syscall.GetsockoptUcred(fd, syscall.SOL_SOCKET, syscall.SO_PEERCRED); err != nil || int(peer.Uid) != syscall.Geteuid() {
		return "", false
	}
	limit := syscall.Timeval{Sec: patience}
	_ = syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &limit)
	_ = syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_SNDTIMEO, &limit)
	for rest := []byte(request); len(rest) > 0; {
		n, err := again(syscall.Write, fd, rest)
		if err != nil {
			return "", sent
		}
		rest, sent = rest[n:], true
	}
	answer := ""
	for b := make([]byte, 512); !strings.HasSuffix(answer, "\n"); {
		n, err := again(syscall.Read, fd, b)
		if n <= 0 || err != nil {
			return "", true
		}
		answer += string(b[:n])
	}
	id, isID := strings.CutPrefix(answer, `{"id":"`)
	id, ends := strings.CutSuffix(id, "\"}\n")
	if !isID || !ends {
		return "", false // it was refused; why, is for those who can read it
	}
	return id, true
}

// again repeats what a signal has interrupted, which the kernel does not where there is a timeout.
func again(call func(int, []byte) (int, error), fd int, b []byte) (n int, err error) {
	for {
		if n, err = call(fd, b); err != syscall.EINTR { //nolint:errorlint // of package syscall
			return n, err
		}
	}
}
