// Empty is the least that a Go program can cost.
package main

func main() {}
