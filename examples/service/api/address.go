package api

import (
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
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

// registerAddress writes the file and registers its removal on scope as the hook "api address": nobody is to be sent to an
// address that answers no more, whatever the server died of.
func registerAddress(scope *lastly.Scope, path string, addr net.Addr) error {
	h := lastly.Hook{Name: "api address", Uses: []string{"api"}}
	rec, err := durable.Remove.Register(scope, durable.Path{Path: path}, h)
	if err != nil {
		return fmt.Errorf("api: address file: %w", err)
	}
	if err := WriteAddress(path, addr); err != nil {
		return err
	}
	// Now that it is there: it, and no other file. If the scope has closed meanwhile, nobody else removes it.
	if err := rec.Update(durable.Path{Path: path}); err != nil {
		_ = os.Remove(path) // the hook may have come in between
		return fmt.Errorf("api: address file: %w", err)
	}
	return nil
}
