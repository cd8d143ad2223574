// Package web ends HTTP servers so that a rollout loses no request.
package web
