// Macros of libraries, for cppcheck: it would have to read their headers in all variants.
#define LIBBPF_OPTS(type, name, ...) struct type name = { 0 }
#define json_array_foreach(array, index, value) \
	for (index = 0; index < json_array_size(array) && (value = json_array_get(array, index)); index++)
