// What of a recording is written where it is larger than what a reader takes: the reader's limits are kept while writing.
#ifndef WHYSTALL_LIMITS_H
#define WHYSTALL_LIMITS_H

#include "recording/columns.h"

// How many of each table's rows are written, the first ones, so that all are `rows_max` at most: first the single happenings and series lose rows,
// whose loss bends no sum, the longest table most; then the others. `ret_rows` has room for recording_table_count. Returns how many rows are left out.
int64_t recording_limits__plan(const struct recording *recording, size_t rows_max, size_t *ret_rows);

#endif
