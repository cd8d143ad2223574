package api

import (
	"errors"
	"fmt"
	"net"
	"os"
)

// WriteAddress writes addr into the file at path, where clients look for the server. They find all of it or nothing.
func WriteAddress(path string, addr net.Addr) error {
	half := path + ".new"
	if err := os.WriteFile(half, []byte(addr.String()+"\n"), 0o644); err != nil {
		return fmt.Errorf("api: address file: %w", errors.Join(err, os.Remove(half)))
	}
	if err := os.Rename(half, path); err != nil {
		return fmt.Errorf("api: address file: %w", errors.Join(err, os.Remove(half)))
	}
	return nil
}

// RemoveAddress removes the file that WriteAddress wrote.
func RemoveAddress(path string) error {
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("api: address file: %w", err)
	}
	return nil
}
