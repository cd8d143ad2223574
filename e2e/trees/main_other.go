//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "trees: the init programs and namespaces that lastly is compared with are Linux's; run it there")
	os.Exit(1)
}
