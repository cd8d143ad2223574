//go:build amd64 || arm64

package engine

import "syscall"

const defaultPath = "/bin:/usr/bin" // of execvp(3), without PATH

// lookUp finds the command as execvp(3) does. The error is that of the first file that is there, but may not be executed, or
// ENOENT.
func lookUp(name string) (path string, errno syscall.Errno) {
	if index(name, '/') >= 0 {
		return name, 0 // the kernel knows best
	}
	list, ok := syscall.Getenv("PATH")
	if !ok {
		list = defaultPath
	}
	errno = syscall.ENOENT
	for _, dir := range split(list, ':') {
		file := dir + "/" + name
		if dir == "" {
			file = "./" + name
		}
		switch why := executable(file); why {
		case 0:
			return file, 0
		case syscall.ENOENT, syscall.ENOTDIR:
		default:
			errno = syscall.EACCES
		}
	}
	return "", errno
}

func executable(file string) syscall.Errno {
	const (
		cwd       = -0x64 // AT_FDCWD
		execute   = 1     // X_OK
		effective = 0x200 // AT_EACCESS
	)
	var st syscall.Stat_t
	if err := syscall.Stat(file, &st); err != nil {
		return errnoOf(err)
	}
	if st.Mode&syscall.S_IFMT != syscall.S_IFREG {
		return syscall.EACCES
	}
	return errnoOf(syscall.Faccessat(cwd, file, execute, effective))
}

func errnoOf(err error) syscall.Errno {
	if err == nil {
		return 0
	}
	if errno, ok := err.(syscall.Errno); ok { //nolint:errorlint // they come from package syscall as they are
		return errno
	}
	return syscall.EINVAL
}
