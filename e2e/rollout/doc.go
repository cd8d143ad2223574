// Command rollout restarts a small HTTP service again and again under a constant load, ended in several ways, and prints how
// many requests each of them lost, in Markdown.
//
//	go run ./e2e/rollout [-requests 20000] [-restarts 20] [-only TEXT] [-json]
//
// Two instances of the service, which are this program run again, stand behind a small reverse proxy, which polls their
// readiness and, as Kubernetes does, acts on what it has seen only after a while. A restart is a rolling one: a new instance is
// started, and when the proxy sends it requests, the oldest one is told by SIGTERM. The last rows do without the proxy: the
// instances share one port by SO_REUSEPORT.
//
// The load is open: requests begin at a constant rate, whatever becomes of the others; half of them are POSTs, and they take 0
// to 100 ms. Neither the client nor the proxy sends any request twice, which net/http does by itself for idempotent ones: what
// is lost is counted. It goes on until there were as many requests as asked for, and all restarts are over.
//
// The exit code is 1 if a row that must not lose a request loses one, and 2 if the flags make no sense. It takes a minute
// or two, and uses loopback and nothing else. What it found is in docs/rollout.md.
package main
