#include "textflag.h"

// caught is a signal handler. The kernel calls it with the signal's siginfo_t in SI, on the thread's signal stack, and with
// all signals blocked. It writes the siginfo_t's beginning into the pipe, or, when that is full, notes the signal's number in
// lost, and returns to the kernel.
TEXT ·caught(SB),NOSPLIT|NOFRAME,$0
	MOVL ·sink(SB), DI
	MOVL $24, DX
	MOVL $1, AX // write
	SYSCALL
	TESTQ AX, AX
	JGE written
	MOVL 0(SI), CX // si_signo
	DECL CX
	MOVL $1, DX
	SHLQ CX, DX
	LOCK
	ORQ DX, ·lost(SB)
written:
	RET

TEXT ·returns(SB),NOSPLIT|NOFRAME,$0
	MOVL $15, AX // rt_sigreturn
	SYSCALL
	INT $3

// shared is the handler of signals that the Go runtime needs as well. It takes those that were sent by kill, and leaves all others
// to the runtime's handler, as if that had been called.
TEXT ·shared(SB),NOSPLIT|NOFRAME,$0
	MOVL 8(SI), AX // si_code; SI_USER is 0
	TESTL AX, AX
	JNE passed
	JMP ·caught(SB)
passed:
	MOVQ ·former(SB), AX
	JMP AX

// func handlerAddress() uintptr
TEXT ·handlerAddress(SB),NOSPLIT,$0-8
	LEAQ ·caught(SB), AX
	MOVQ AX, ret+0(FP)
	RET

// func restorerAddress() uintptr
TEXT ·restorerAddress(SB),NOSPLIT,$0-8
	LEAQ ·returns(SB), AX
	MOVQ AX, ret+0(FP)
	RET

// func sharedAddress() uintptr
TEXT ·sharedAddress(SB),NOSPLIT,$0-8
	LEAQ ·shared(SB), AX
	MOVQ AX, ret+0(FP)
	RET
