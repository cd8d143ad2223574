// Lastly undoes what a command did, however it ends.
package main

func main() {}
