//go:build !unix

package journal

import "os"

// noFollow: openFile has looked, and a link that takes the place of a file needs a privilege here.
const noFollow = 0

// checkOwner relies on the folder's access list, which files inherit.
func checkOwner(os.FileInfo) error { return nil }

func (j *Journal) writeAt(b []byte, off int64) error {
	if !j.enter() {
		return os.ErrClosed
	}
	defer j.leave()
	_, err := j.file.WriteAt(b, off)
	return bare(err)
}

func descriptor(*os.File) (int, error) { return 0, nil }

// syncFolder has nothing to do: the system keeps names in its own log.
func syncFolder(string) error { return nil }

func quotaAdvice(error) string { return "" }
