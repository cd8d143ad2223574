// Command owner is a small program with durable cleanups, and what is measured of it. The first argument is its role.
package main
