// What a command gives up before it works on what strangers have made: names and texts of a recording, and SQLite's reading of it.
#ifndef WHYSTALL_COMMAND_CONFINE_H
#define WHYSTALL_COMMAND_CONFINE_H

// Call when all files are open, before a recording is parsed, judged or rendered: from then on the process is not root, has no capability, and can
// write to its standard output and error and open nothing (isolate/sandbox.h). `late_status`: with which it ends if that takes too much CPU time.
// Returns 0, or the exit status after one sentence: then nothing must be parsed.
int confine__to_report(int late_status);

#endif
