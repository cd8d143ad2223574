// Container runs a container that is removed whatever ends the program.
//
//	go run ./examples/container alpine sleep 1d
//	kill -9 PID      # in another terminal, with the number that it prints
//	docker ps        # it is gone
//
// With -n podman it uses podman. The container has a name that is used once and is known before it exists, so that it can
// be written down first. A name such as "web" would be wrong: a supervisor starts the program again at once, and the guard of
// the dead one would remove the container of the new one.
//
// "docker rm -f" of a container that is not there succeeds since docker 20.10; a command that fails then would be tried
// again until it is a dead letter.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
)

func main() {
	tool := flag.String("n", "docker", "the command to use: docker, podman, or what takes the same words")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: container [-n podman] IMAGE [COMMAND ...]")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		lastly.Exit(2)
	}
	lastly.Main(func(ctx context.Context) error {
		name := durable.NewName("example-")
		remove := durable.Command{Args: []string{*tool, "rm", "-f", name}, Env: present("DOCKER_HOST", "DOCKER_CONTEXT", "XDG_RUNTIME_DIR")}
		_, err := durable.Exec.Register(lastly.Process(), remove, lastly.Hook{Name: "container", Timeout: 20 * time.Second})
		if err != nil {
			return err
		}
		if err := start(ctx, *tool, name, flag.Args()); err != nil {
			return err
		}
		fmt.Println("process", os.Getpid(), "runs", name)
		<-ctx.Done()
		return nil
	})
}

// start starts the container. Killed in the middle of that, the program leaves the tool running, which would make the
// container after its removal: so the tool is marked, and is killed first. What the tool has handed to docker's daemon by
// then can't be called back.
func start(ctx context.Context, tool, name string, args []string) error {
	mark := durable.NewMark()
	client, err := durable.Kill.Register(lastly.Process(), durable.Process{Mark: mark}, lastly.Hook{Name: "client"})
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, tool, append([]string{"run", "-d", "--name", name}, args...)...)
	cmd.Env = durable.WithMark(os.Environ(), mark)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s run: %w", tool, err)
	}
	client.Cancel() // it has ended
	return nil
}

// present returns those of the variables that are set: a Command fails if one that it names is not.
func present(names ...string) (set []string) {
	for _, name := range names {
		if _, ok := os.LookupEnv(name); ok {
			set = append(set, name)
		}
	}
	return set
}
