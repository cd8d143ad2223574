//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "durability: the guard, and what it is compared with, are Linux's; run it there")
	os.Exit(1)
}
