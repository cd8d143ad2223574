package durable

import (
	"cmp"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/lastly-go/lastly"
)

// DefaultGuardLimit is how long a guard may take in all, when nobody sets another limit.
const DefaultGuardLimit = 10 * time.Second

// Settings say how this process keeps its journal and its guard. The zero value is what holds without Setup.
type Settings struct {
	// Dir is the folder of journals. "" means the first of: $LASTLY_DIR, $STATE_DIRECTORY/lastly (systemd's),
	// $XDG_STATE_HOME/lastly, for root /var/lib/lastly, else lastly-UID in the folder of temporary files. It is made
	// when it is missing, and must belong to this user alone. Keep it where it lives as long as what it protects: for a
	// container that is restarted, on a volume.
	Dir string

	// Network allows a folder on a network filesystem. There, a lock may be invisible to other hosts; be sure that no
	// other host uses the folder.
	Network bool

	// PowerSafe makes Register and Update wait until the record would survive a loss of power (fdatasync, shared by
	// concurrent callers). Without it, a record survives the death of the process, not that of the machine.
	PowerSafe bool

	// NoGuard starts no guard, as $LASTLY_GUARD=off does. What is left is then settled by the next start, or a sweep.
	NoGuard bool

	// GuardLimit is how long the guard may take in all; 0 means DefaultGuardLimit. A negative value is refused.
	GuardLimit time.Duration

	// NoCrashOutput keeps durable from keeping the text of a crash (debug.SetCrashOutput) for the report. A program
	// that calls SetCrashOutput by itself does so after its first durable registration, or sets this: there is one
	// crash output in a process, and the last one wins.
	NoCrashOutput bool

	// Logger hears what goes wrong in the background: a guard that can't start, an orphan that can't be settled. nil
	// means the process scope's Logger, and silence when that has none.
	Logger *slog.Logger
}

// settings are this process's.
var settings struct {
	mu sync.Mutex // guards what follows

	Settings
}

// Setup changes the settings of this process. It must come before the first registration, and is best the first thing in
// main, since Main and Init already look into the folder. It is an error that wraps ErrStarted when it comes too late.
func Setup(s Settings) error {
	if s.GuardLimit < 0 {
		return fmt.Errorf("lastly: durable.Setup: the GuardLimit is negative (%v); 0 means %v", s.GuardLimit, DefaultGuardLimit)
	}
	settings.mu.Lock()
	defer settings.mu.Unlock()
	if own.journal.Load() != nil {
		return fmt.Errorf("lastly: durable.Setup: %w; call it before the first registration", ErrStarted)
	}
	settings.Settings = s
	return nil
}

func currentSettings() Settings {
	settings.mu.Lock()
	defer settings.mu.Unlock()
	return settings.Settings
}

func (s Settings) guardLimit() time.Duration { return cmp.Or(s.GuardLimit, DefaultGuardLimit) }

func (s Settings) wantsGuard() bool { return !s.NoGuard && variable("LASTLY_GUARD") != "off" }

// logger is where background trouble is told.
func (s Settings) logger() *slog.Logger {
	if l := cmp.Or(s.Logger, lastly.Process().Logger); l != nil {
		return l
	}
	return slog.New(slog.DiscardHandler)
}

// variable reads one of our own environment variables. A set-user-id program must not let its caller decide.
func variable(name string) string {
	if secure() {
		return ""
	}
	return os.Getenv(name)
}
