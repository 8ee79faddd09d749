// Rows of hash maps that sum something up.
#ifndef WHYSTALL_BPF_ROWS_H
#define WHYSTALL_BPF_ROWS_H

// The row of this key; where there is none yet, a new one of zeros, which another CPU may have added meanwhile. NULL: the map is full, and
// the caller counts what is lost. A macro, so that the type is the map's and the zeros are written only where a row is added.
#define find_or_add(map, key) ({ \
	typeof((map)->value) row_ = bpf_map_lookup_elem(map, key); \
	if (!row_) { \
		typeof(*row_) first_ = { 0 }; \
		bpf_map_update_elem(map, key, &first_, BPF_NOEXIST); \
		row_ = bpf_map_lookup_elem(map, key); \
	} \
	row_; })

#endif
