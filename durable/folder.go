package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// folder returns the folder of journals. With make it exists afterwards; without, it need not.
func (s Settings) folder(make bool) (string, error) {
	dir, fallback := s.Dir, false
	if dir == "" {
		dir, fallback = defaultFolder()
	}
	if !filepath.IsAbs(dir) {
		return "", fmt.Errorf("lastly: %w: %q is not absolute, so that it would be another one in another working folder; set LASTLY_DIR, or Settings.Dir, to an absolute path", ErrFolder, dir)
	}
	if make {
		err := os.MkdirAll(dir, 0o700)
		if err != nil && fallback {
			dir = tempFolder()
			err = os.MkdirAll(dir, 0o700)
		}
		if err != nil {
			return "", fmt.Errorf("lastly: %w: %w; set LASTLY_DIR to a folder that this user may write", ErrFolder, err)
		}
	} else if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) && fallback {
		dir = tempFolder()
	}
	if err := s.checkFolder(dir); err != nil && (make || !errors.Is(err, fs.ErrNotExist)) {
		return "", err
	}
	return dir, nil
}

// defaultFolder is where journals are when nobody says where. With fallback, tempFolder will do as well.
func defaultFolder() (dir string, fallback bool) {
	if dir := variable("LASTLY_DIR"); dir != "" {
		return dir, false
	}
	if dir, _, _ := strings.Cut(variable("STATE_DIRECTORY"), ":"); dir != "" {
		return filepath.Join(dir, "lastly"), false
	}
	if dir := variable("XDG_STATE_HOME"); filepath.IsAbs(dir) { // the specification has others ignored
		return filepath.Join(dir, "lastly"), false
	}
	if os.Geteuid() == 0 {
		return "/var/lib/lastly", true
	}
	return tempFolder(), false
}

func tempFolder() string {
	temp := os.TempDir()
	if secure() {
		temp = "/tmp"
	}
	return filepath.Join(temp, "lastly-"+strconv.Itoa(os.Geteuid()))
}

// checkFolder returns why dir must not hold journals: what another user could write there would be carried out as ours.
func (s Settings) checkFolder(dir string) error {
	info, err := os.Lstat(dir)
	switch {
	case err != nil:
		return fmt.Errorf("lastly: %w: %w", ErrFolder, err)
	case !info.IsDir():
		return fmt.Errorf("lastly: %w: %s is no folder (%v); remove it, or set LASTLY_DIR", ErrFolder, dir, info.Mode().Type())
	}
	if err := checkOwner(dir); err != nil {
		return fmt.Errorf("lastly: %w: %w", ErrFolder, err)
	}
	if name := networkFilesystem(dir); name != "" && !s.Network {
		return fmt.Errorf("lastly: %w: %s is on a %w (%s), where locks may not be seen by other hosts; set LASTLY_DIR to a local folder, or Settings.Network",
			ErrFolder, dir, ErrNetwork, name)
	}
	return nil
}
