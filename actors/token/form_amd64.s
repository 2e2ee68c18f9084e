#include "textflag.h"

DATA blank<>+0(SB)/1, $0x20
DATA backslash<>+0(SB)/1, $0x5c
DATA quotation<>+0(SB)/1, $0x22
GLOBL blank<>(SB), RODATA|NOPTR, $1
GLOBL backslash<>(SB), RODATA|NOPTR, $1
GLOBL quotation<>(SB), RODATA|NOPTR, $1

// func fitsAtOnce(text *byte, length int, blocks *block, count int) bool
TEXT ·fitsAtOnce(SB), NOSPLIT, $0-33
	MOVQ text+0(FP), SI
	MOVQ length+8(FP), DX
	MOVQ blocks+16(FP), DI
	MOVQ count+24(FP), CX
	LEAQ -32(SI)(DX*1), R8 // where the last block begins
	VPBROADCASTB blank<>(SB), Y4
	VPBROADCASTB backslash<>(SB), Y5
	VPBROADCASTB quotation<>(SB), Y6
	VPXOR Y7, Y7, Y7 // what is wrong, of all blocks

block:
	CMPQ SI, R8
	CMOVQHI R8, SI
	VMOVDQU (SI), Y0
	VPAND (DI), Y0, Y1
	VPXOR 32(DI), Y1, Y1 // another character than is fixed
	VPCMPGTB Y0, Y4, Y2  // a control character, or with the highest bit, which makes it negative
	VPCMPEQB Y0, Y5, Y3
	VPCMPEQB Y0, Y6, Y0
	VPAND 64(DI), Y0, Y0 // a quotation mark in a text
	VPOR Y1, Y2, Y2
	VPOR Y3, Y0, Y0
	VPOR Y2, Y7, Y7
	VPOR Y0, Y7, Y7
	ADDQ $32, SI
	ADDQ $96, DI
	DECQ CX
	JNZ block

	VPTEST Y7, Y7
	SETEQ ret+32(FP)
	VZEROUPPER
	RET
