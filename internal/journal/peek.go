package journal

import "os"

// Peek opens a journal's file and reads whose it is, for who has to decide about the owner, and to lock the file, before
// OpenLocked. The caller closes the file. Its errors are those of Open.
func Peek(path string) (*os.File, Owner, error) {
	f, err := openFile(path, os.O_RDWR)
	if err != nil {
		return nil, Owner{}, refused(path, err)
	}
	h, err := peek(f)
	if err != nil {
		_ = f.Close()
		return nil, Owner{}, refused(path, err)
	}
	return f, h.owner, nil
}

func peek(f *os.File) (header, error) {
	size, err := check(f)
	if err != nil {
		return header{}, err
	}
	w := window{r: f, size: min(size, headerSize)}
	page, err := w.at(0, headerSize)
	if err != nil {
		return header{}, err
	}
	return decodeHeader(page)
}
