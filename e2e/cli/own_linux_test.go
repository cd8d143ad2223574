package cli

import "testing"

// ownChecks are about what no other tool has.
var ownChecks = []check{
	{name: "--timeout on a terminal, also of a stopped job", run: timeoutOfJob},
	{name: "--verbose in the background, with stty tostop", run: speaksInBackground},
	{name: "--temp and a hook, after Ctrl-Z, fg and Ctrl-C", run: hooksOfJob},
}

func TestOwnCases(t *testing.T) {
	t.Parallel()
	needPrograms(t)
	for _, c := range ownChecks {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(newRig(t, []string{lastly(t), "run"}))
		})
	}
}

func timeoutOfJob(r *rig) {
	s := r.shell()
	s.types("./t --timeout 0.3 -- sleep 1000; echo status $?\n")
	s.sees("status 124")
	s.prompt()
	s.types("./t --timeout 5 -- " + echoes + "\n")
	s.sees("ready")
	s.types("\x1a")
	s.prompt()
	s.types(noJobs + "echo all ended $((1+1))\n")
	s.sees("all ended 2")
	s.prompt()
	s.leave()
	r.nothingLeft()
}

// speaksInBackground: the command is to be stopped for what it writes, and lastly says what it has to say.
func speaksInBackground(r *rig) {
	s := r.shell()
	s.types("stty tostop; ./t --verbose --timeout 0.3 -- sleep 1000 &\n")
	s.sees("took longer than")
	s.types("wait $!; echo status $?\n") // as in writesInBackground
	s.sees("status 124")
	s.leave()
	r.nothingLeft()
}

func hooksOfJob(r *rig) {
	s := r.shell()
	s.types("mkdir dir; ./t --temp --remove dir -- " + `sh -c 'echo $TMPDIR >temp; echo read''y; while read line; do echo "got $line"; done'` + "\n")
	s.sees("ready")
	s.types("\x1a")
	s.prompt()
	s.types("test -d dir -a -d $(cat temp) && fg\n")
	s.types("line\n")
	s.sees("got line")
	s.types("\x03")
	s.prompt()
	s.types("echo status $?; test -e dir -o -e $(cat temp) || echo all gone $((1+1))\n")
	s.sees("status 130")
	s.sees("all gone 2")
	s.leave()
	r.nothingLeft()
}
