package engine

import "strconv"

// Options are what the flags of `lastly run` say.
type Options struct {
	Command []string // with its arguments

	Grace   Millis    // between SIGTERM and SIGKILL
	Timeout Millis    // 0: none
	Rewrite [65]uint8 // what is sent instead of a signal; 0: itself
	Drop    uint64    // signals that are not passed on: bit n-1

	Temp   bool
	Hooks  []Hook // in the order of the flags
	Lock   []string
	NoWait bool
	LetGo  bool
	Group  bool      // signals go to the command's whole process group
	OK     [4]uint64 // exit statuses that count as 0: status n is bit n%64 of n/64
	Report string
	Config string

	Quiet, Verbose bool
	Help           bool
}

// A Hook is what a flag registers.
type Hook struct {
	Kind Kind
	Text string // a path, or a command line
}

// A Kind is what a Hook does.
type Kind int

// The kinds of hooks.
const (
	Remove Kind = iota
	OnExit
	OnFailure
)

// DefaultGrace is the grace when there is no --grace.
const DefaultGrace = Millis(5000)

// Plain reports that nothing has to be registered before the command starts.
func (o *Options) Plain() bool {
	return !o.Help && !o.Temp && len(o.Hooks)+len(o.Lock) == 0 && o.Report == "" && o.Config == ""
}

// A UsageError is a command line that makes no sense. Its text says what to do.
type UsageError string

func (e UsageError) Error() string { return string(e) }

// ErrNoLock is what is wrong with NoWait and no Lock.
const ErrNoLock = UsageError("--no-wait without --lock: there is nothing to wait for; add --lock PATH, or leave it out")

// A flag is one of the command line. Exactly one of the functions is set.
type flag struct {
	name  string
	set   func(o *Options)
	value func(o *Options, text string) string // returns what is wrong
}

func flags() []flag {
	hook := func(kind Kind) func(*Options, string) string {
		return func(o *Options, text string) string {
			o.Hooks = append(o.Hooks, Hook{kind, text})
			return ifEmpty(text) // as a path, it would be the working folder
		}
	}
	return []flag{
		{name: "--grace", value: func(o *Options, text string) (bad string) { o.Grace, bad = ParseMillis(text); return bad }},
		{name: "--timeout", value: func(o *Options, text string) (bad string) { o.Timeout, bad = ParseMillis(text); return bad }},
		{name: "--temp", set: func(o *Options) { o.Temp = true }},
		{name: "--remove", value: hook(Remove)},
		{name: "--on-exit", value: hook(OnExit)},
		{name: "--on-failure", value: hook(OnFailure)},
		{name: "--lock", value: func(o *Options, text string) string { o.Lock = append(o.Lock, text); return ifEmpty(text) }},
		{name: "--no-wait", set: func(o *Options) { o.NoWait = true }},
		{name: "--let-go", set: func(o *Options) { o.LetGo = true }},
		{name: "--group", set: func(o *Options) { o.Group = true }},
		{name: "--ok-status", value: (*Options).okStatus},
		{name: "--report", value: func(o *Options, text string) (bad string) { o.Report, bad = text, ifEmpty(text); return bad }},
		{name: "--config", value: (*Options).config},
		{name: "--signal-rewrite", value: (*Options).rewrite},
		{name: "--quiet", set: func(o *Options) { o.Quiet = true }},
		{name: "--verbose", set: func(o *Options) { o.Verbose = true }},
		{name: "--help", set: func(o *Options) { o.Help = true }},
	}
}

// short are the flags of one letter.
var short = map[string]string{"-h": "--help", "-q": "--quiet", "-v": "--verbose", "-t": "--timeout", "-k": "--grace"}

// Flags are the names of the flags.
func Flags() (names []string) {
	for _, f := range flags() {
		names = append(names, f.name)
	}
	return names
}

// Parse reads the arguments after "run". Flags come first, as --flag VALUE or --flag=VALUE; the command begins after "--", or
// with the first word that is no flag.
func Parse(args []string) (*Options, error) {
	o := &Options{Grace: DefaultGrace}
	for len(args) > 0 && hasPrefix(args[0], "-") && args[0] != "-" {
		word := args[0]
		args = args[1:]
		if word == "--" {
			break
		}
		rest, err := o.take(word, args)
		if err != nil {
			return nil, err
		}
		args = rest
	}
	o.Command = args
	switch {
	case o.Help:
	case len(args) == 0:
		return nil, UsageError("there is no command; write it after --: lastly run -- make test")
	case args[0] == "":
		return nil, UsageError("the command is an empty word; write its name or path after --")
	case o.NoWait && len(o.Lock) == 0 && o.Config == "": // whose file may name one; then the flags are read once more
		return nil, ErrNoLock
	}
	return o, nil
}

// take reads one flag, and returns the arguments after it.
func (o *Options) take(word string, args []string) (rest []string, err error) {
	name, value, given := cut(word, '=')
	if long, ok := short[name]; ok {
		name = long
	}
	for _, f := range flags() {
		if f.name != name {
			continue
		}
		if f.set != nil {
			if given {
				return nil, UsageError(name + " takes no value; write " + name + " alone")
			}
			f.set(o)
			return args, nil
		}
		if !given {
			if len(args) == 0 {
				return nil, UsageError(name + " needs a value; see lastly run --help")
			}
			if value, args = args[0], args[1:]; value == "--" { // as of --remove $file -- with an empty variable
				return nil, UsageError(name + " has no value, but --; quote a variable that may be empty, and write " + name + "=-- if that is meant")
			}
		}
		if bad := f.value(o, value); bad != "" {
			return nil, UsageError(name + " " + value + ": " + bad)
		}
		return args, nil
	}
	return nil, UsageError("unknown flag " + name + "; lastly run --help lists them, and -- comes before a command that begins with a dash")
}

// Flag reads one flag, --name=value, by itself: one that a file names. It has to be one with a value; the error has no dashes.
func Flag(word string) (*Options, error) {
	o := &Options{}
	if _, err := o.take(word, nil); err != nil {
		return nil, UsageError(err.Error()[len("--"):])
	}
	return o, nil
}

// config notes the file. A second one would need rules for what both say, and a name in one could mean a hook of the other.
func (o *Options) config(text string) string {
	switch {
	case text == "-":
		return "stdin is the command's; write a file, or --config <(...) in a shell that has that"
	case o.Config != "":
		return "there is one already, " + o.Config + "; write all into one file"
	}
	o.Config = text
	return ifEmpty(text)
}

// ifEmpty is what is wrong with a text that is.
func ifEmpty(text string) string {
	if text == "" {
		return "it is empty; was a variable not set?"
	}
	return ""
}

// okStatus reads a status that counts as 0.
func (o *Options) okStatus(text string) string {
	n, err := strconv.ParseUint(text, 10, 8)
	if err != nil {
		return "no exit status; write a number from 0 to 255, such as 143 for a command that SIGTERM has ended"
	}
	o.OK[n/64] |= 1 << (n % 64)
	return ""
}

// IsOK reports whether an exit status counts as 0.
func (o *Options) IsOK(status int) bool { return o.OK[status/64&3]&(1<<(status%64)) != 0 }

// rewrite reads A:B. B may be 0: A is not passed on.
func (o *Options) rewrite(text string) string {
	from, to, ok := cut(text, ':')
	a, b := signalNumber(from), signalNumber(to)
	switch {
	case !ok || a < 0 || b < 0 || a == 0:
		return "no two signals; write names or numbers, such as TERM:QUIT, or TERM:0 to pass on none"
	case !isPassed(a):
		return signalName(a) + " sent to lastly is never passed on; leave it out"
	case b == 0:
		o.Drop |= 1 << (a - 1)
	default:
		o.Rewrite[a] = uint8(b)
		o.Drop &^= 1 << (a - 1)
	}
	return ""
}
