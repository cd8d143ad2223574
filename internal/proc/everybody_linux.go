package proc

import (
	"os"
	"slices"
	"strconv"
	"strings"
)

const (
	// maxPasses bounds how often everybody looks for who came meanwhile: where others start processes without a pause, they
	// decide how long that takes.
	maxPasses = 100

	// maxFresh is how many numbers are looked at one by one. When more were given out, /proc is read as a whole.
	maxFresh = 1000
)

// everybody calls look with the number of each process of this PID namespace. /proc is no snapshot: a process that starts
// a successor and exits can be gone whenever somebody looks. So everybody goes on until no number was given out while it
// looked. Of something that is inherited it misses nobody, then: if a process has it at the end, look was called with
// that one or with one that it descends from, and found it running. It may be called with a number more than once. Where
// others start processes all the time, it ends after maxPasses, and promises as much as /proc does.
//
// Why that is so: a process that forks runs until its child can be seen. So either it was seen itself, or its child was
// there when it was looked for. The list is read twice for a child whose number was given out before the first look at
// the numbers, and which could be seen only after the first list; numbers that came later are looked at in their order.
func everybody(look func(pid int) error) error {
	last, _ := lastNumber()
	var listed []int
	for range 2 {
		numbers, err := processes()
		if err != nil {
			return err
		}
		for _, pid := range slices.Backward(numbers) { // the latest first: they may be about to start the next
			if _, again := slices.BinarySearch(listed, pid); again {
				continue
			}
			if err := look(pid); err != nil {
				return err
			}
		}
		listed = numbers
	}
	for range maxPasses {
		now, counted := lastNumber()
		if !counted || now == last {
			break
		}
		numbers, err := between(last, now)
		if err != nil {
			return err
		}
		for _, pid := range numbers {
			if err := look(pid); err != nil {
				return err
			}
		}
		last = now
	}
	return nil
}

// between returns the numbers that were given out after one and up to another, and maybe more. They come round at some time.
func between(last, now int) ([]int, error) {
	if now < last || now-last > maxFresh {
		return processes()
	}
	var numbers []int
	for pid := last + 1; pid <= now; pid++ {
		numbers = append(numbers, pid)
	}
	return numbers, nil
}

// lastNumber returns the number of a process or thread that this PID namespace gave out last. It is not known on kernels
// without CONFIG_CHECKPOINT_RESTORE where /proc/loadavg is hidden; where lxcfs makes that file up, it may stand still.
func lastNumber() (number int, ok bool) {
	text, err := os.ReadFile("/proc/sys/kernel/ns_last_pid")
	if err != nil {
		if text, err = os.ReadFile("/proc/loadavg"); err != nil {
			return 0, false
		}
	}
	fields := strings.Fields(string(text)) // of loadavg it is the last one, proc_loadavg(5)
	if len(fields) == 0 {
		return 0, false
	}
	number, err = strconv.Atoi(fields[len(fields)-1])
	return number, err == nil
}

// processes returns the numbers of all processes of this PID namespace that /proc shows.
func processes() ([]int, error) {
	ours, err := procIsOurs()
	if err == nil && !ours {
		err = errOtherProc
	}
	if err != nil {
		return nil, err
	}
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }()
	names, err := dir.Readdirnames(-1)
	var numbers []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			numbers = append(numbers, pid)
		}
	}
	slices.Sort(numbers)
	return numbers, err
}
