//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "ratios: what `lastly run` is made of, and what it is compared with, is Linux's; run it there")
	os.Exit(1)
}
