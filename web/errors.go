package web

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ErrTimeOver is what context.Cause says of a request's context that ended because its server's time was over.
var ErrTimeOver = errors.New("lastly: the server's time to drain is over")

// A CutError says that requests were still in flight when a server's time was over: their contexts were ended, and, what
// was left half of the last second later, their connections closed. It is what the server's hook returns; find it with
// errors.As in what the close of the scope returns.
type CutError struct {
	Server  string        // its name
	Cut     int           // how many requests, and connections that handlers had taken over
	What    []string      // method and quoted path of the first few
	After   time.Duration // how long the server had been ending
	Running int           // handlers that had not returned even when the hook did
}

func (e *CutError) Error() string {
	running := ""
	if e.Running > 0 {
		running = fmt.Sprintf("; handlers that have not returned even now: %d", e.Running)
	}
	return fmt.Sprintf("lastly: drain: %s: cut %d in flight after %v (%s)%s; let handlers end when web.Draining says so or their context ends, or raise Options.Timeout, and the grace with it",
		strconv.Quote(e.Server), e.Cut, e.After.Round(time.Millisecond), listed(e.What, e.Cut), running)
}

// maxTitles is how many requests an error names.
const maxTitles = 5

// firstFew are the titles that an error names.
func firstFew(titles []string) []string { return titles[:min(len(titles), maxTitles)] }

// listed is the first few of so many in a sentence.
func listed(titles []string, of int) string {
	text := strings.Join(titles, ", ")
	if more := of - len(titles); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
