// Package machine says what has to stand beside a measurement: how busy the machine was, and on what its files are.
package machine
