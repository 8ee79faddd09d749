#include "symbolize/call_site.h"

#include <elf.h>
#include <string.h>

// Near calls (Intel SDM volume 2, CALL): E8 with a distance of 32 bits; FF /2 with a register or memory operand, whose ModRM and
// SIB bytes say how long it is. Prefixes stand before and do not matter.
static bool ends_x86_call(const unsigned char *end)
{
	if (end[-5] == 0xe8)
		return true;
	for (int length = 2; length <= 7; length++) {
		unsigned char mode = end[-length + 1] >> 6, operand = end[-length + 1] & 7;
		int expected = 2;

		if (end[-length] != 0xff || (end[-length + 1] >> 3 & 7) != 2)
			continue;
		if (mode != 3 && operand == 4)
			expected += 1 + (mode == 0 && (end[-length + 2] & 7) == 5 ? 4 : 0);
		if (mode == 1)
			expected += 1;
		if (mode == 2 || (mode == 0 && operand == 5))
			expected += 4;
		if (expected == length)
			return true;
	}
	return false;
}

// What the kernel lets a signal handler return to: mov $__NR_rt_sigreturn, %eax or %rax; syscall.
static bool begins_x86_signal_return(const unsigned char *code)
{
	return !memcmp(code, "\x48\xc7\xc0\x0f\x00\x00\x00\x0f\x05", 9) || !memcmp(code, "\xb8\x0f\x00\x00\x00\x0f\x05", 7);
}

static uint32_t word(const unsigned char *bytes)
{
	return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

// BL; BLR and its variants with pointer authentication. Signals return to mov x8, #__NR_rt_sigreturn; svc #0.
static bool is_arm64_call_site(const unsigned char *end)
{
	uint32_t before = word(end - 4);

	return (before & 0xfc000000) == 0x94000000 || (before & 0xfffffc1f) == 0xd63f0000 || (before & 0xfefff800) == 0xd63f0800 ||
	       (word(end) == 0xd2801168 && word(end + 4) == 0xd4000001);
}

bool call_site__is_one(uint16_t machine, const unsigned char code[CALL_SITE_BEFORE + CALL_SITE_AFTER])
{
	const unsigned char *end = code + CALL_SITE_BEFORE;

	if (machine == EM_X86_64 || machine == EM_386)
		return ends_x86_call(end) || begins_x86_signal_return(end);
	return machine != EM_AARCH64 || is_arm64_call_site(end);
}
