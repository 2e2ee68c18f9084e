#include "textflag.h"

// Each table is for both halves of a register: VPSHUFB looks bytes up by their low four bits, half by half.

// badAt has, for the upper four bits of a character, the class that they make it of; 0x20 is of none.
DATA badAt<>+0(SB)/8, $0x1004080402012020
DATA badAt<>+8(SB)/8, $0x2020202020202020
DATA badAt<>+16(SB)/8, $0x1004080402012020
DATA badAt<>+24(SB)/8, $0x2020202020202020
GLOBL badAt<>(SB), RODATA|NOPTR, $32

// badIn has, for the lower four bits of a character, all classes in which there is none that ends so.
DATA badIn<>+0(SB)/8, $0x2121212121212125
DATA badIn<>+8(SB)/8, $0x333b3a3b3b232121
DATA badIn<>+16(SB)/8, $0x2121212121212125
DATA badIn<>+24(SB)/8, $0x333b3a3b3b232121
GLOBL badIn<>(SB), RODATA|NOPTR, $32

// shift has, for the upper four bits of a character, what makes its number of it: "-" becomes 62, "0" 52, "A" 0 and "a" 26.
DATA shift<>+0(SB)/8, $0xb9b9bfbf04110000
DATA shift<>+8(SB)/8, $0x0000000000000000
DATA shift<>+16(SB)/8, $0xb9b9bfbf04110000
DATA shift<>+24(SB)/8, $0x0000000000000000
GLOBL shift<>(SB), RODATA|NOPTR, $32

// pack brings the 24 bits of each group of four into the order of the bytes that they stand for, and all groups of a half together.
DATA pack<>+0(SB)/8, $0x090a040506000102
DATA pack<>+8(SB)/8, $0xffffffff0c0d0e08
DATA pack<>+16(SB)/8, $0x090a040506000102
DATA pack<>+24(SB)/8, $0xffffffff0c0d0e08
GLOBL pack<>(SB), RODATA|NOPTR, $32

// join brings both halves together.
DATA join<>+0(SB)/8, $0x0000000100000000
DATA join<>+8(SB)/8, $0x0000000400000002
DATA join<>+16(SB)/8, $0x0000000600000005
DATA join<>+24(SB)/8, $0x0000000700000003
GLOBL join<>(SB), RODATA|NOPTR, $32

DATA low<>+0(SB)/1, $0x0f        // the lower four bits
DATA underscore<>+0(SB)/1, $0x5f // "_", which is 33 further than its class
DATA further<>+0(SB)/1, $33
DATA pairs<>+0(SB)/2, $0x0140    // a pair of numbers is the first times 64, and the second
DATA fours<>+0(SB)/4, $0x00011000 // a group of four is the first pair times 4096, and the second
GLOBL low<>(SB), RODATA|NOPTR, $1
GLOBL underscore<>(SB), RODATA|NOPTR, $1
GLOBL further<>(SB), RODATA|NOPTR, $1
GLOBL pairs<>(SB), RODATA|NOPTR, $2
GLOBL fours<>(SB), RODATA|NOPTR, $4

// func decodeBlocks(dst, text *byte, blocks int) (done int)
TEXT ·decodeBlocks(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ text+8(FP), SI
	MOVQ blocks+16(FP), CX
	XORQ AX, AX
	VMOVDQU badAt<>(SB), Y6
	VMOVDQU badIn<>(SB), Y7
	VMOVDQU shift<>(SB), Y8
	VMOVDQU pack<>(SB), Y9
	VMOVDQU join<>(SB), Y10
	VPBROADCASTB low<>(SB), Y11
	VPBROADCASTB underscore<>(SB), Y12
	VPBROADCASTB further<>(SB), Y13
	VPBROADCASTW pairs<>(SB), Y14
	VPBROADCASTD fours<>(SB), Y15

block:
	CMPQ AX, CX
	JGE  end
	VMOVDQU (SI), Y0
	VPSRLD  $4, Y0, Y1
	VPAND   Y11, Y1, Y1
	VPAND   Y11, Y0, Y2
	VPSHUFB Y1, Y6, Y3
	VPSHUFB Y2, Y7, Y2
	VPTEST  Y2, Y3
	JNZ     end
	VPCMPEQB Y12, Y0, Y2
	VPAND   Y13, Y2, Y2
	VPSHUFB Y1, Y8, Y1
	VPADDB  Y1, Y0, Y0
	VPADDB  Y2, Y0, Y0
	VPMADDUBSW Y14, Y0, Y0
	VPMADDWD Y15, Y0, Y0
	VPSHUFB Y9, Y0, Y0
	VPERMD  Y0, Y10, Y0
	VMOVDQU Y0, (DI)
	ADDQ $32, SI
	ADDQ $24, DI
	INCQ AX
	JMP  block

end:
	VZEROUPPER
	MOVQ AX, done+24(FP)
	RET
