#include "identify/calls.h"

#include <string.h>

#include "base/base.h"

#define CODE_LIMIT (64U << 20)
#define CHUNK_SIZE (256U << 10)
#define INSTRUCTION_LIMIT 5     // bytes of the longest instruction that is looked for

// E8 (call) and E9 (jmp), then the distance from the next instruction.
static bool in_x86(const uint8_t *code, size_t size, uint64_t address, uint64_t target)
{
	for (size_t i = 0; i + 5 <= size; i++) {
		int32_t distance;

		if ((code[i] & 0xfe) != 0xe8)
			continue;
		memcpy(&distance, code + i + 1, sizeof(distance));
		if (address + i + 5 + (uint64_t)(int64_t)distance == target)
			return true;
	}
	return false;
}

// BL and B: 26 bits of distance in words.
static bool in_aarch64(const uint8_t *code, size_t size, uint64_t address, uint64_t target)
{
	for (size_t i = 0; i + 4 <= size; i += 4) {
		uint32_t word;

		memcpy(&word, code + i, sizeof(word));
		if ((word & 0x7c000000) != 0x14000000)
			continue;
		int64_t distance = (int64_t)((uint64_t)word << 38) >> 36;
		if (address + i + (uint64_t)distance == target)
			return true;
	}
	return false;
}

bool calls__in_code(int machine, const uint8_t *code, size_t size, uint64_t address, uint64_t target)
{
	if (machine == EM_X86_64)
		return in_x86(code, size, address, target);
	return machine == EM_AARCH64 && in_aarch64(code, size, address, target);
}

bool calls__function(const struct elf_reader *reader, uint64_t target)
{
	cleanup_free uint8_t *code = base__alloc(CHUNK_SIZE + INSTRUCTION_LIMIT, 1);
	uint64_t left = CODE_LIMIT;
	GElf_Phdr segment;

	for (size_t i = 0; elf_reader__segment(reader, i, &segment); i++) {
		uint64_t size = segment.p_filesz < left ? segment.p_filesz : left;

		if (segment.p_type != PT_LOAD || !(segment.p_flags & PF_X))
			continue;
		left -= size;
		for (uint64_t at = 0; at < size; at += CHUNK_SIZE) {
			size_t wanted = size - at < CHUNK_SIZE + INSTRUCTION_LIMIT ? (size_t)(size - at) : CHUNK_SIZE + INSTRUCTION_LIMIT;
			size_t got = elf_reader__read(reader, segment.p_offset + at, code, wanted);

			if (calls__in_code(reader->header.e_machine, code, got, segment.p_vaddr + at, target))
				return true;
			if (got < wanted)
				break;
		}
	}
	return false;
}
