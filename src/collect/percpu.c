#include "collect/percpu.h"

#include <string.h>

#include <bpf/btf.h>

int64_t percpu__offset(const struct btf *btf, const char *name)
{
	int id = btf__find_by_name_kind(btf, ".data..percpu", BTF_KIND_DATASEC);
	const struct btf_type *section = id < 0 ? NULL : btf__type_by_id(btf, (uint32_t)id);

	if (!section)
		return -1;
	const struct btf_var_secinfo *variable = btf_var_secinfos(section);
	for (uint16_t i = 0; i < btf_vlen(section); i++, variable++) {
		const struct btf_type *type = btf__type_by_id(btf, variable->type);

		if (type && !strcmp(btf__name_by_offset(btf, type->name_off), name))
			return variable->offset;
	}
	return -1;
}
