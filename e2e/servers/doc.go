// Package servers is where package resource and package web meet what they are for: PostgreSQL, Redis, NATS, gRPC,
// OpenTelemetry and WebSockets, each with its usual Go library and, where it is a program, with the real server.
//
// There are only tests here. Each starts a private instance of its server, in its own folder and on a socket there or on
// a free port of 127.0.0.1, and ends it. The programs that lastly ends are this test binary again (internal/testproc):
// real processes, real signals. The servers come from Debian's packages (internal/real says which one is missing):
//
//	apt-get install postgresql redis-server nats-server
package servers
