package journal

import (
	"os"
	"testing"

	"github.com/lastly-go/lastly/internal/testproc"
)

func TestMain(m *testing.M) { os.Exit(testproc.Main(m, victims, linuxVictims)) }
