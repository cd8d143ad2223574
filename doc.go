// Package lastly runs what must be undone when a program ends.
package lastly
