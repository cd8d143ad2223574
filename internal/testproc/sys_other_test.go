//go:build !unix

package testproc

var sysVictims Victims
