//go:build amd64 && !purego

#include "textflag.h"

// func matchAVX2(out, live, rows *uint64, offs, unions *uint32, columns, stride, slots, words, width int)
//
// For each slot, 1,024 bits at a time (512 where no more are left): live AND, column by column, the OR of the rows of
// the column's tables. The offset of a slot's row in table k stands at offs[k*stride].
//
//	DI out   SI live   DX rows   R8 offs of the slot   BX bytes done of the row   R15 bytes to do
//	R10 offset of the next table   R11 tables of the next column   CX columns left   R14 stride in bytes
TEXT ·matchAVX2(SB), NOSPLIT, $0-80
	MOVQ out+0(FP), DI
	MOVQ live+8(FP), SI
	MOVQ rows+16(FP), DX
	MOVQ offs+24(FP), R8
	MOVQ unions+32(FP), R9
	MOVQ stride+48(FP), R14
	SHLQ $2, R14
	MOVQ width+72(FP), R15
	SHLQ $3, R15

slot:
	XORQ BX, BX

chunk:
	MOVQ R8, R10
	MOVQ R9, R11
	MOVQ columns+40(FP), CX
	MOVQ R15, AX
	SUBQ BX, AX
	CMPQ AX, $128
	JLT  narrow
	VMOVDQU (SI)(BX*1), Y0
	VMOVDQU 32(SI)(BX*1), Y1
	VMOVDQU 64(SI)(BX*1), Y2
	VMOVDQU 96(SI)(BX*1), Y3

wideColumn:
	MOVL (R10), AX
	ADDQ R14, R10
	LEAQ (DX)(AX*8), R13
	MOVL (R11), R12
	ADDQ $4, R11
	DECQ R12
	JNZ  wideUnion
	VPAND (R13)(BX*1), Y0, Y0
	VPAND 32(R13)(BX*1), Y1, Y1
	VPAND 64(R13)(BX*1), Y2, Y2
	VPAND 96(R13)(BX*1), Y3, Y3
	DECQ CX
	JNZ  wideColumn
	JMP  wideDone

wideUnion:
	VMOVDQU (R13)(BX*1), Y4
	VMOVDQU 32(R13)(BX*1), Y5
	VMOVDQU 64(R13)(BX*1), Y6
	VMOVDQU 96(R13)(BX*1), Y7

wideTable:
	MOVL (R10), AX
	ADDQ R14, R10
	LEAQ (DX)(AX*8), R13
	VPOR (R13)(BX*1), Y4, Y4
	VPOR 32(R13)(BX*1), Y5, Y5
	VPOR 64(R13)(BX*1), Y6, Y6
	VPOR 96(R13)(BX*1), Y7, Y7
	DECQ R12
	JNZ  wideTable
	VPAND Y4, Y0, Y0
	VPAND Y5, Y1, Y1
	VPAND Y6, Y2, Y2
	VPAND Y7, Y3, Y3
	DECQ CX
	JNZ  wideColumn

wideDone:
	VMOVDQU Y0, (DI)(BX*1)
	VMOVDQU Y1, 32(DI)(BX*1)
	VMOVDQU Y2, 64(DI)(BX*1)
	VMOVDQU Y3, 96(DI)(BX*1)
	ADDQ $128, BX
	CMPQ BX, R15
	JLT  chunk
	JMP  nextSlot

narrow:
	VMOVDQU (SI)(BX*1), Y0
	VMOVDQU 32(SI)(BX*1), Y1

narrowColumn:
	MOVL (R10), AX
	ADDQ R14, R10
	LEAQ (DX)(AX*8), R13
	VMOVDQU (R13)(BX*1), Y4
	VMOVDQU 32(R13)(BX*1), Y5
	MOVL (R11), R12
	ADDQ $4, R11
	DECQ R12
	JZ   narrowAnd

narrowTable:
	MOVL (R10), AX
	ADDQ R14, R10
	LEAQ (DX)(AX*8), R13
	VPOR (R13)(BX*1), Y4, Y4
	VPOR 32(R13)(BX*1), Y5, Y5
	DECQ R12
	JNZ  narrowTable

narrowAnd:
	VPAND Y4, Y0, Y0
	VPAND Y5, Y1, Y1
	DECQ CX
	JNZ  narrowColumn
	VMOVDQU Y0, (DI)(BX*1)
	VMOVDQU Y1, 32(DI)(BX*1)

nextSlot:
	ADDQ $4, R8
	MOVQ words+64(FP), AX
	LEAQ (DI)(AX*8), DI
	DECQ slots+56(FP)
	JNZ  slot
	VZEROUPPER
	RET

// func intersectAVX2(out, a, b *uint64, words int) uint64
TEXT ·intersectAVX2(SB), NOSPLIT, $0-40
	MOVQ out+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DX
	MOVQ words+24(FP), R9
	XORQ R12, R12 // mask
	XORQ CX, CX   // words done
	VPXOR Y7, Y7, Y7

both:
	VMOVDQU (SI)(CX*8), Y0
	VMOVDQU 32(SI)(CX*8), Y1
	VPAND (DX)(CX*8), Y0, Y0
	VPAND 32(DX)(CX*8), Y1, Y1
	VMOVDQU Y0, (DI)(CX*8)
	VMOVDQU Y1, 32(DI)(CX*8)
	VPCMPEQQ Y7, Y0, Y0
	VPCMPEQQ Y7, Y1, Y1
	VMOVMSKPD Y0, AX
	VMOVMSKPD Y1, BX
	SHLQ $4, BX
	ORQ  BX, AX
	XORQ $255, AX
	SHLQ CX, AX
	ORQ  AX, R12
	ADDQ $8, CX
	CMPQ CX, R9
	JLT  both
	MOVQ R12, ret+32(FP)
	VZEROUPPER
	RET

// func findUnsureAVX2(masks, rows, base *uint64, certain *uint32, slots, words, width int)
TEXT ·findUnsureAVX2(SB), NOSPLIT, $0-56
	MOVQ masks+0(FP), DI
	MOVQ rows+8(FP), SI
	MOVQ base+16(FP), DX
	MOVQ certain+24(FP), R8
	MOVQ slots+32(FP), R9
	MOVQ words+40(FP), R10
	SHLQ $3, R10
	MOVQ width+48(FP), R11
	SHLQ $3, R11
	VPXOR Y7, Y7, Y7

unsureSlot:
	MOVL (R8), AX
	LEAQ (DX)(AX*8), R13
	XORQ R12, R12 // mask
	XORQ CX, CX   // words done
	XORQ BX, BX   // bytes done

unsureWords:
	VMOVDQU   (R13)(BX*1), Y0
	VPANDN    (SI)(BX*1), Y0, Y1
	VPCMPEQQ  Y7, Y1, Y1
	VMOVMSKPD Y1, AX
	XORQ $15, AX
	SHLQ CX, AX
	ORQ  AX, R12
	ADDQ $4, CX
	ADDQ $32, BX
	CMPQ BX, R11
	JLT  unsureWords
	MOVQ R12, (DI)
	ADDQ $8, DI
	ADDQ $4, R8
	ADDQ R10, SI
	DECQ R9
	JNZ  unsureSlot
	VZEROUPPER
	RET

// func prefetchAVX2(cells unsafe.Pointer, userAt, users *uint32, n, shift int)
TEXT ·prefetchAVX2(SB), NOSPLIT, $0-40
	MOVQ cells+0(FP), DI
	MOVQ userAt+8(FP), SI
	MOVQ users+16(FP), DX
	MOVQ n+24(FP), R8
	MOVQ shift+32(FP), CX

fetch:
	MOVL (DX), AX
	MOVL (SI)(AX*4), BX
	SHLQ CX, BX
	PREFETCHT0 (DI)(BX*1)
	ADDQ $4, DX
	DECQ R8
	JNZ  fetch
	RET

// ADD3 adds three bits in each lane: sum += a + b, what carries to high. Y14 and Y15 are overwritten.
#define ADD3(sum, a, b, high) \
	VPXOR sum, a, Y15   \
	VPAND sum, a, high  \
	VPAND Y15, b, Y14   \
	VPXOR Y15, b, sum   \
	VPOR  Y14, high, high

// TWO adds two rows to the ones, what carries to high.
#define TWO(high) \
	VMOVDQU (R10), Y4         \
	VMOVDQU (R10)(R8*1), Y5   \
	LEAQ    (R10)(R8*2), R10  \
	ADD3(Y0, Y4, Y5, high)

// FOUR adds four rows, what carries from the twos to high.
#define FOUR(high) \
	TWO(Y6)            \
	TWO(Y7)            \
	ADD3(Y1, Y6, Y7, high)

// func absorbAVX2(planes, rows *uint64, words, sixteens int)
//
// 256 lanes at a time: the sums of ones, twos, fours and eights stay in Y0 to Y3 over all rows; what carries out of
// the eights is added to the higher planes in memory, which seldom goes further than one or two of them.
TEXT ·absorbAVX2(SB), NOSPLIT, $0-32
	MOVQ planes+0(FP), DI
	MOVQ rows+8(FP), SI
	MOVQ words+16(FP), R8
	MOVQ R8, CX
	SHRQ $2, CX
	SHLQ $3, R8
	LEAQ (R8)(R8*2), R11

lanes:
	MOVQ SI, R10
	MOVQ sixteens+24(FP), R12
	VMOVDQU (DI), Y0
	VMOVDQU (DI)(R8*1), Y1
	VMOVDQU (DI)(R8*2), Y2
	VMOVDQU (DI)(R11*1), Y3

sixteen:
	FOUR(Y8)
	FOUR(Y9)
	ADD3(Y2, Y8, Y9, Y10)
	FOUR(Y8)
	FOUR(Y9)
	ADD3(Y2, Y8, Y9, Y11)
	ADD3(Y3, Y10, Y11, Y12)
	LEAQ (DI)(R8*4), R13

carry:
	VPTEST Y12, Y12
	JZ     carried
	VMOVDQU (R13), Y4
	VPAND  Y4, Y12, Y5
	VPXOR  Y4, Y12, Y4
	VMOVDQU Y4, (R13)
	VMOVDQA Y5, Y12
	ADDQ   R8, R13
	JMP    carry

carried:
	DECQ R12
	JNZ  sixteen
	VMOVDQU Y0, (DI)
	VMOVDQU Y1, (DI)(R8*1)
	VMOVDQU Y2, (DI)(R8*2)
	VMOVDQU Y3, (DI)(R11*1)
	ADDQ $32, DI
	ADDQ $32, SI
	DECQ CX
	JNZ  lanes
	VZEROUPPER
	RET
