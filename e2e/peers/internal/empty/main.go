// Command empty does nothing, to be compared with what does nothing under
// lastly.
package main

func main() {}
