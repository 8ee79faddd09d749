-- Killed right after it had begun: what recording_file__create writes, and nothing else.
DELETE FROM meta WHERE key NOT IN ('schema', 'tool_version');
DELETE FROM cgroup; DELETE FROM process; DELETE FROM task;
INSERT INTO meta VALUES ('complete', '0');
