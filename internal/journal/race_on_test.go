//go:build race

package journal

// slow is by how much fewer rounds a test makes under the race detector.
const slow = 10
