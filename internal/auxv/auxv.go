// Package auxv asks the kernel's auxiliary vector (getauxval(3)) whether the program was started with rights that its caller
// has not. It asks when it is initialised, because a process that has given up rights can't read its own vector any more,
// and with system calls alone, because package standby, which comes before package os, needs the answer.
package auxv
