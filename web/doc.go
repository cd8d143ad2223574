// Package web ends HTTP servers so that a rollout loses no request.
//
//	func main() {
//		lastly.Main(func(ctx context.Context) error {
//			ready := web.Ready(lastly.Process())
//			mux := http.NewServeMux()
//			mux.Handle("/", app)
//			mux.Handle("/readyz", ready)
//			mux.Handle("/livez", web.Live())
//			ready.Gate("cache", warm)
//			srv := &http.Server{Addr: ":8080", Handler: mux}
//			if err := web.Serve(lastly.Process(), srv, nil, web.Options{}); err != nil {
//				return err
//			}
//			<-ctx.Done()
//			return nil
//		})
//	}
//
// [Serve] returns when the server serves. Its end is one hook of the scope, which runs at its place in the order: before
// what it uses (a database, a queue, a log), after what uses it. A server that fails later closes its scope, as a Go that
// fails does. A program has as many servers as it likes; Uses orders them by Name.
//
// # The end of a server
//
//	closing begins: a signal, an Exit, a failure
//	|                            the delay is over: the drain begins
//	|                            |                               the time is over
//	|<------ DrainDelay -------->|<------------ drain -------------->|
//	|<-------------------------- Timeout --------------------------->|
//
//	readiness 503 ----------------------------------------------------
//	liveness 200 -----------------------------------------------------
//	listens, and serves ---------| refuses new connections -----------
//	answers say Connection: close ------------------------------------
//	                             | Draining is closed: WebSockets, events and long polls end
//	                             | idle connections are closed, HTTP/2 is sent GOAWAY
//	                             | what is in flight ends ---| contexts end --| connections are closed
//
// What happens, and why:
//
//   - Whoever balances the load hears of the end only when the next readiness probe fails, or when a list of endpoints
//     has gone round. Until then requests come, and a server that has stopped listening refuses them. So it serves on
//     for DrainDelay, counted from the beginning of the closing and not from the hook's turn.
//   - Meanwhile each answer over HTTP/1 carries Connection: close, but for those that switch to another protocol: clients
//     make their next connection, which the balancer sends elsewhere. Idle connections stay open, because a request may be on its way. HTTP/2 connections are told to
//     go (GOAWAY) with their first answer in the second half of the delay. [Options].Reject answers 503 and Retry-After
//     instead, for clients that try elsewhere.
//   - Then the listener is closed, and [Draining] tells handlers that would go on for ever. Connections that were accepted
//     and not used yet may still be used, for up to a second: net/http would drop their request once Shutdown has begun. Then
//     comes http.Server.Shutdown, with what was registered by RegisterOnShutdown: up to 1.2 s after Draining.
//   - What is in flight is waited for, connections that handlers took over (WebSockets) included, until they are closed and
//     their handlers have returned. If nothing is in flight, the server ends at once.
//   - A second before its time is over (a fifth of it, when that is less) the contexts of the requests end, with the cause
//     [ErrTimeOver]; net/http's Shutdown never ends them. Half a second later the connections are closed. The hook then
//     returns a [*CutError], which names what was cut (also answers that their clients have not taken), and makes of exit code 0 a 1.
//
// The hook's Note, in plans and reports, counts: "served 1042, drained 3, cut 0, rejected 17". Served are all requests that
// ended by themselves, drained those of them that ended after the delay; a connection that a handler took over counts when
// it is closed and the handler has returned. Each request counts as one thing: served, cut, or rejected. Only over HTTP/2
// several answers that a client has not taken when the time is over, after their handlers have returned, are cut as one.
//
// # Time
//
// The delay is DefaultDrainDelay (5 s) if a signal began the exit flow under lastly.Main, and there is no terminal: what
// ends the process then is an orchestrator. It is none if the scope is closed for another reason, so no test waits
// for it; and none at a terminal. [Options].DrainDelay and the environment variable LASTLY_DRAIN_DELAY (a duration; 0 is
// none) hold in any case. A program with its own signal handling sets one of them.
//
// Timeout is for both, the delay and the drain: 20 s by default, of lastly's grace of 25 s. What comes after the server has
// the rest. A longer delay or drain needs a larger Program.Grace, too, and an orchestrator that is that patient. When less
// is left than Timeout, the delay gives way: at least half of what is left, or 5 s of it, is for the drain. The
// second signal ends the process at once, as ever.
//
// # Kubernetes
//
//   - No preStop hook, and no sleep in it: the delay is that sleep, with readiness failing meanwhile, and it is cut when time
//     is short.
//   - terminationGracePeriodSeconds: 30, the default, covers the grace of 25 s and lastly's reserve of 2 s. In general: the
//     grace, the reserve, and a second to be safe.
//   - readinessProbe: to [Ready]. A pod that is being deleted is taken out of its endpoints without a probe; the delay has
//     to cover the time that takes to go round, a second or two. Where only the probe tells (a balancer of your own, an
//     exit that the program began itself), DrainDelay must be more than periodSeconds × failureThreshold, plus the time to
//     go round: periodSeconds 1 and failureThreshold 2 suit the default of 5 s.
//   - livenessProbe: to [Live], never to Ready: it stays 200 to the end.
//   - A container with a terminal (tty: true) has no default delay: set LASTLY_DRAIN_DELAY.
//
// # Startup
//
// [Readiness.Gate] makes readiness wait for a check: a warm cache, a migration. The probe's 503 names what is pending. A check
// that fails closes its scope, which is the exit flow for the process's, and the cause names the gate. [Readiness.Set] is
// the switch by hand.
//
// # Handlers
//
// A handler that goes on as long as its client likes ends by itself:
//
//	select {
//	case event := <-events:
//		send(w, event)
//	case <-web.Draining(r.Context()):
//		sendLast(w) // a close frame, a final event with a retry time, an empty answer to a long poll
//		return
//	case <-r.Context().Done():
//		return
//	}
//
// A connection that was taken over (http.Hijacker) is wrapped, to know when it is closed. It has the methods of a TCP or
// unix connection that matter (ReadFrom, CloseWrite, SyscallConn), and NetConn returns the listener's own. Where the
// listener itself makes TLS connections (tls.NewListener instead of TLSConfig) they can't be wrapped: one that was taken
// over counts only while its handler runs.
//
// A handler that ends the program (an endpoint for administrators) must not wait for the end, which waits for the handler:
//
//	go lastly.Exit(0) // or: go scope.Close()
//	return            // so that the answer is finished, and arrives
//
// Without go, Exit ends the handler's goroutine there and then, and net/http drops what it has written and not flushed;
// Close and Shutdown wait until the server's time is over and the handler is cut.
//
// Work that a handler leaves to a goroutine of its own is not waited for: start it with lastly's Go, or hold the scope.
//
// # Other routers and servers
//
// [Serve] takes any http.Handler, so any router. [Middleware] is the part that stands before a handler, for servers that
// end in another way, and for rejecting new work on some routes only. [ServeGRPC] gives a *grpc.Server, or
// anything with its methods, the same delay, then GracefulStop, and Stop at the deadline.
//
// # What it can't do
//
// A request over an idle HTTP/1 connection that the server closes at the very moment in which it is sent is lost, if the
// client does not repeat it: the protocol has no way to say so beforehand. The same goes for a connection that waits in
// the kernel's queue when the listener is closed. The delay is there so that nobody sends any more at that moment; clients
// that go on all the same, or a delay of 0 under load, do lose some. HTTP/2 does say so: what crosses the GOAWAY was not
// processed, and clients send it again, those of Go if they can rewind its body.
package web
