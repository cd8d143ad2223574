package cli

import (
	"fmt"
	"strings"
	"syscall"
)

// Those of a shell with job control that has the tool in its jobs, or that is the command itself.
var jobChecks = []check{
	{name: "terminal: Ctrl-Z stops the job, fg goes on with it", hangs: "tini -s, catatonit", run: jobControl},
	{name: "terminal: Ctrl-Z and fg, again and again", hangs: "tini -s, dumb-init, catatonit", run: stopsAgain},
	{name: "terminal: an editor that goes to the shell", hangs: "tini -s, dumb-init, catatonit", run: editor},
	{name: "terminal: a stopped job is killed", hangs: "tini -s, catatonit", run: killedJob},
	{name: "terminal: a signal sent to its group reaches the command once", hangs: "lastly run, timeout", run: signalToGroup},
	{name: "terminal: the shell of a stopped job is killed", hangs: "tini -s, catatonit", run: killedShell},
	{name: "terminal: the stopped command is continued by others", hangs: others, run: continuedByOthers},
	{name: "terminal: a job in the background that reads is stopped", hangs: others, run: readsInBackground},
	{name: "terminal: a job in the background writes", hangs: "tini -s, catatonit", run: writesInBackground},
	{name: "terminal: a job in the background that writes is stopped, by stty tostop", hangs: others, run: stoppedWriter},
	{name: "terminal: pipelines", run: pipelines},
	{name: "terminal: Ctrl-C in a pipeline of two", hangs: "tini -s, catatonit, timeout", run: pipelineCtrlC},
	{name: "terminal: Ctrl-Z and fg in a pipeline of two", hangs: others, run: pipelineCtrlZ},
	{name: "terminal: under timeout --foreground", hangs: "timeout", run: underTimeout},
	{name: "terminal: an interactive shell as the command", hangs: "catatonit", run: shellInside},
	{name: "terminal: that shell is suspended, in two tools", hangs: others, run: suspended},
}

// interactive is a shell for r.session and the command lines in it.
var interactive = []string{"bash", "--norc", "--noprofile", "--noediting", "-i"}

// prompt is the shell's: what is typed never has it.
const prompt = "at> "

// shell returns an interactive shell with job control, for which ./t is the tool.
func (r *rig) shell() *session {
	r.t.Helper()
	r.program("t", "#!/bin/sh\nexec "+strings.Join(r.prefix, " ")+` "$@"`+"\n")
	s := r.session(interactive...)
	s.prompt()
	return s
}

// prompt waits until the shell asks for a command.
func (s *session) prompt() {
	s.t.Helper()
	s.sees(prompt)
}

// leave ends the shell, which says so if there are jobs.
func (s *session) leave() {
	s.t.Helper()
	s.types("exit 6\n")
	poll(s.t, "the shell to exit", func() bool { return s.gone() || strings.Contains(s.text(), "jobs.") })
	if !s.gone() {
		s.t.Fatalf("jobs are left: %q", s.text())
	}
	if res := s.wait(); res.code != 6 {
		s.t.Errorf("%v, want the shell's 6", res)
	}
}

// echoes is a command that answers each line.
const echoes = `sh -c 'echo read''y; while read line; do echo "got $line"; done; exit 3'`

// noJobs waits in the shell until it has none. Its wait returns at once for one that is stopped, also when that is about to end.
const noJobs = `while [ -n "$(jobs)" ]; do sleep 0.02; done; `

func jobControl(r *rig) {
	s := r.shell()
	s.types("./t " + echoes + "; echo status $?\n")
	s.sees("ready")
	s.types("one\n")
	s.sees("got one")
	s.types("\x1a")
	s.sees("status 14") // 128 and SIGTSTP or SIGSTOP, whichever stopped the tool
	s.prompt()
	s.types("jobs\n")
	s.sees("Stopped")
	s.prompt()
	s.types("fg\n")
	s.types("two\n")
	s.sees("got two")
	s.types("\x04")
	s.prompt()
	s.types("echo then $?\n")
	s.sees("then 3")
	s.leave()
	r.nothingLeft()
}

// stopsAgain presses keys as soon as it can: what the tool does late must not undo them.
func stopsAgain(r *rig) {
	s := r.shell()
	s.types("./t " + echoes + "\n")
	s.sees("ready")
	for i := range 20 {
		s.types("\x1a")
		s.prompt()
		s.types("fg\n")
		s.types(fmt.Sprintf("line %d\n", i))
		s.sees(fmt.Sprintf("got line %d\r\n", i))
	}
	s.types("\x04")
	s.prompt()
	s.types("echo then $?\n")
	s.sees("then 3")
	s.leave()
}

func editor(r *rig) {
	r.program("raw", raw)
	s := r.shell()
	s.types("./t perl raw\n")
	s.sees("raw\r\n")
	s.sees("raw\r\n")
	for range 3 {
		s.types("z")
		s.prompt()
		s.types("read -r x\n")
		s.types("echoed\n")
		s.sees("echoed")
		s.prompt()
		s.types("fg\n")
		s.sees("raw\r\n")
		s.sees("raw\r\n")
	}
	s.types("q")
	s.prompt()
	s.leave()
}

func killedJob(r *rig) {
	s := r.shell()
	for _, more := range []string{"", "bg; "} {
		s.types("./t sh -c 'echo wait''s; exec sleep 1000'\n")
		s.sees("waits")
		s.types("\x1a")
		s.prompt()
		s.types(more + "kill %1; " + noJobs + "echo all ended $((1+1))\n")
		s.sees("all ended 2")
		s.prompt()
	}
	s.leave()
	r.nothingLeft()
}

// signalToGroup is what a shell's kill %1 does.
func signalToGroup(r *rig) {
	s := r.session(r.with("perl", "-e", counts)...)
	s.sees("ready")
	if err := syscall.Kill(-s.cmd.Process.Pid, syscall.SIGUSR1); err != nil {
		r.t.Fatal(err)
	}
	s.sees("counted USR1 1\r\n")
	s.signal(syscall.SIGKILL)
	s.wait()
}

// killedShell leaves the job with nobody who could continue it: the kernel sends it SIGHUP.
func killedShell(r *rig) {
	s := r.shell()
	s.types("./t sh -c 'echo wait''s; exec sleep 1000'\n")
	s.sees("waits")
	s.types("\x1a")
	s.prompt()
	s.signal(syscall.SIGKILL)
	s.wait()
	r.goneSoon()
}

// continuedByOthers: who continues the command, or kills it, knows nothing of the tool, which has stopped with it.
func continuedByOthers(r *rig) {
	s := r.shell()
	for i, signal := range []string{"CONT", "KILL"} {
		s.types("rm -f pid; ./t sh -c 'echo $$ >pid; kill -STOP $$; exit 3'\n")
		s.prompt()
		s.types("jobs\n")
		s.sees("Stopped")
		s.prompt()
		s.types("kill -" + signal + ` $(cat pid); ` + noJobs + `echo done $((` + fmt.Sprint(i) + "+5))\n")
		s.sees(fmt.Sprint("done ", i+5))
		s.prompt()
	}
	s.leave()
	r.nothingLeft()
}

func readsInBackground(r *rig) {
	s := r.shell()
	s.types("./t sed -u s/^/got./ &\n")
	s.prompt()
	s.types(`until jobs | grep -q Stopped; do sleep 0.02; done; echo it is $(jobs | grep -c Stopped)` + "\n")
	s.sees("it is 1")
	s.prompt()
	s.types("fg\n")
	s.types("hello\n")
	s.sees("got.hello")
	s.types("\x04")
	s.prompt()
	s.types("echo then $?\n")
	s.sees("then 0")
	s.leave()
}

// writesInBackground asks for the job by its process: %1 is gone if the shell has said already that it has ended.
func writesInBackground(r *rig) {
	s := r.shell()
	s.types("./t sh -c 'echo wro''te; exit 3' &\n")
	s.sees("wrote")
	s.types("wait $!; echo ended $?\n")
	s.sees("ended 3")
	s.leave()
}

func stoppedWriter(r *rig) {
	s := r.shell()
	s.types("stty tostop; ./t sh -c 'echo wro''te; exit 3' &\n")
	s.prompt()
	s.types(`until jobs | grep -q Stopped; do sleep 0.02; done; echo it is $(jobs | grep -c Stopped)` + "\n")
	s.sees("it is 1")
	s.prompt()
	s.types("fg; echo ended $?\n")
	s.sees("wrote")
	s.sees("ended 3")
	s.leave()
}

func pipelines(r *rig) {
	s := r.shell()
	for line, want := range map[string]string{
		"yes | ./t head -1":               "y\r\n<141 0>",
		"./t yes | head -1":               "y\r\n<141 0>",
		"./t yes | ./t head -1":           "y\r\n<141 0>",
		"./t seq 5 | ./t tail -1 | cat":   "5\r\n<0 0 0>",
		"./t false | ./t sh -c 'exit 4'":  "<1 4>",
		"echo in | ./t ./t cat | ./t cat": "in\r\n<0 0 0>",
	} {
		s.types(line + `; echo "<${PIPESTATUS[*]}>"` + "\n")
		s.sees("\n" + want)
		s.prompt()
	}
	s.leave()
}

func pipelineCtrlC(r *rig) {
	s := r.shell()
	s.types("./t sh -c 'echo on''e >&2; exec sleep 1000' | ./t sh -c 'echo tw''o >&2; exec sleep 1000'\n")
	s.sees("\r\n")
	s.seesAll("one\r\n", "two\r\n")
	s.types("\x03")
	s.prompt()
	s.types(`echo "<${PIPESTATUS[*]}>"` + "\n")
	s.sees("<1")
	s.leave()
	r.nothingLeft()
}

func pipelineCtrlZ(r *rig) {
	s := r.shell()
	s.types("./t " + echoes + " | ./t " + echoes + "\n")
	s.sees("got ready")
	for i := range 5 {
		s.types("\x1a")
		s.prompt()
		s.types("fg\n")
		s.types(fmt.Sprintf("line %d\n", i))
		s.sees(fmt.Sprintf("got got line %d\r\n", i))
	}
	s.types("\x04")
	s.prompt()
	s.types("echo then $?\n") // PIPESTATUS has nothing more of a job that was stopped
	s.sees("then 3")
	s.leave()
	r.nothingLeft()
}

func underTimeout(r *rig) {
	s := r.shell()
	s.types("timeout --foreground 1h ./t " + echoes + "\n")
	s.sees("ready")
	s.types("hello\n")
	s.sees("got hello")
	s.types("\x04")
	s.prompt()
	s.types("echo then $?\n")
	s.sees("then 3")
	s.prompt()
	s.types("timeout --foreground 0.3 ./t sleep 1000; echo status $?\n")
	s.sees("status 124")
	s.leave()
	r.nothingLeft()
}

// shellInside stops and continues a job of a shell that is the command.
func shellInside(r *rig) {
	s := r.session(r.with(interactive...)...)
	s.prompt()
	if strings.Contains(s.text(), "no job control") {
		r.t.Fatalf("the shell says %q", s.text())
	}
	s.types("sed -u s/^/got./\n")
	s.types("hello\n")
	s.sees("got.hello")
	for range 3 {
		s.types("\x1a")
		s.prompt()
		s.types("jobs\n")
		s.sees("Stopped")
		s.prompt()
		s.types("fg\n")
		s.types("again\n")
		s.sees("got.again")
	}
	s.types("\x1a")
	s.prompt()
	s.types("bg\n")
	s.prompt()
	s.types("until jobs | grep -q Stopped; do sleep 0.02; done; fg\n") // it reads
	s.types("more\n")
	s.sees("got.more")
	s.types("\x03")
	s.prompt()
	s.types("echo then $((3+3))\n")
	s.sees("then 6")
	s.leave()
}

// suspended does not say in which group the shell is: it has made one of its own, so that what continues the tool's does not
// continue it.
func suspended(r *rig) {
	s := r.shell()
	s.types("./t ./t env PS1='in$((1+1))> ' " + strings.Join(interactive, " ") + "\n")
	s.sees("in2> ")
	s.types(echoes + "\n")
	s.sees("ready")
	for range 3 {
		s.types("\x1a")
		s.sees("in2> ")
		s.types("suspend\n")
		s.prompt()
		s.types("jobs\n")
		s.sees("Stopped")
		s.prompt()
		s.types("fg\n")
		s.sees("in2> ")
		s.types("fg\n")
		s.types("line\n")
		s.sees("got line")
	}
	s.types("\x03")
	s.sees("in2> ")
	s.types("exit 5\n")
	s.prompt()
	s.types("echo then $?\n")
	s.sees("then 5")
	s.leave()
	r.nothingLeft()
}
