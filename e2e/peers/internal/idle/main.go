// Command idle does nothing under lastly.Main.
package main

import (
	"context"

	"github.com/lastly-go/lastly"
)

func main() {
	lastly.Main(func(context.Context) error { return nil })
}
