#include "textflag.h"

// caught is a signal handler. The kernel calls it with the signal's siginfo_t in R1, on the thread's signal stack, and with
// all signals blocked. It writes the siginfo_t's beginning into the pipe, or, when that is full, notes the signal's number in
// lost, and returns to the kernel's own way back.
TEXT ·caught(SB),NOSPLIT|NOFRAME,$0
	MOVW ·sink(SB), R0
	MOVD $24, R2
	MOVD $64, R8 // write
	SVC
	CMP $0, R0
	BGE written
	MOVWU 0(R1), R3 // si_signo
	SUB $1, R3
	MOVD $1, R4
	LSL R3, R4, R4
	MOVD $·lost(SB), R5
again:
	LDAXR (R5), R6
	ORR R4, R6, R6
	STLXR R6, (R5), R7
	CBNZ R7, again
written:
	RET

// shared is the handler of signals that the Go runtime needs as well. It takes those that were sent by kill, and leaves all others
// to the runtime's handler, as if that had been called.
TEXT ·shared(SB),NOSPLIT|NOFRAME,$0
	MOVW 8(R1), R3 // si_code; SI_USER is 0
	CBNZW R3, passed
	B ·caught(SB)
passed:
	MOVD ·former(SB), R3
	B (R3)

// func handlerAddress() uintptr
TEXT ·handlerAddress(SB),NOSPLIT,$0-8
	MOVD $·caught(SB), R0
	MOVD R0, ret+0(FP)
	RET

// func restorerAddress() uintptr
TEXT ·restorerAddress(SB),NOSPLIT,$0-8
	MOVD ZR, ret+0(FP)
	RET

// func sharedAddress() uintptr
TEXT ·sharedAddress(SB),NOSPLIT,$0-8
	MOVD $·shared(SB), R0
	MOVD R0, ret+0(FP)
	RET
