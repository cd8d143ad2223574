package journal

import "os"

// Peek opens a journal's file and reads whose it is, for who has to decide about the owner, and to lock the file, before
// OpenLocked. The caller closes the file. Its errors are those of Open.
func Peek(path string) (*os.File, Owner, error) {
	f, err := openFile(path, os.O_RDWR)
	if err != nil {
		return nil, Owner{}, refused(path, err)
	}
	size, err := check(f)
	if err == nil {
		var header []byte
		w := window{r: f, size: size}
		if header, err = w.at(0, headerSize); err == nil {
			var o Owner
			if o, _, err = decodeHeader(header); err == nil {
				return f, o, nil
			}
		}
	}
	_ = f.Close()
	return nil, Owner{}, refused(path, err)
}
