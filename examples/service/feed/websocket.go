package feed

import (
	"context"
	"net/http"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// WebSocket is the handler that sends every row as a message in JSON.
func (f *Feed[T]) WebSocket(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // Accept has answered
	}
	defer conn.CloseNow() // does nothing after Close
	// Nothing is expected from the watcher but its pongs and its leave, and somebody has to read these.
	ctx := conn.CloseRead(context.WithoutCancel(r.Context()))
	send := func(row T) error {
		ctx, cancel := context.WithTimeout(ctx, writeTimeout)
		defer cancel()
		return wsjson.Write(ctx, conn, row)
	}
	f.watch(r, ctx.Done(), send, func() error {
		return conn.Close(websocket.StatusGoingAway, "the server ends; connect again") // waits for the answer, 5 s at most
	})
}
