-- kill -9 after four of ten seconds: the last save says complete = 0, and the figures go up to it.
UPDATE meta SET value = '0' WHERE key = 'complete';
UPDATE meta SET value = 'kill' WHERE key = 'ended_by';
UPDATE meta SET value = '4000000000' WHERE key = 'window_ns';
INSERT INTO process (id, pid, start_ns, parent_pid, name, exe, cgroup, cpu_cgroup, runtime, linkage, allocator, folded) VALUES
  (2, 700, 2000000000, 1, 'hog', '/usr/bin/hog', '/system.slice', '/system.slice', 'unknown', 'unknown', 'unknown', 1);
INSERT INTO task (process, tid, name, allowed_cpus, run_ns, switches, wait_ns, waits, wait_max_ns, wait_pressure_ns, credit_pressure_ns,
  credit_task_ns, run_delay_ns)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 3)
SELECT 2, 700 + i, 'hog', 2, 2000000000, 500, 2000000000, 500, 8000000, 2000000000, 2000000000, 2000000000, 2000000000 FROM n;
INSERT INTO pair VALUES (2, 0, 2, 8000000000, 2000, 0, 0);
INSERT INTO cpu (cpu, run_ns, switches, kernel_switches) VALUES (0, 4000000000, 1000, 1000), (1, 4000000000, 1000, 1000);
INSERT INTO fold (cgroup, number, cpu, some_ns, nonidle_ns)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1), c(cpu) AS (VALUES (0), (1))
SELECT 0, i, cpu, 2000000000, 2000000000 FROM n, c;
INSERT INTO book (cgroup, cpu, meter_ns, victims_ns, culprits_ns, victims_task_ns) VALUES
  (0, 0, 4000000000, 4000000000, 4000000000, 4000000000), (0, 1, 4000000000, 4000000000, 4000000000, 4000000000);
INSERT INTO pressure VALUES (0, 'cpu', 'some', 4000000000), (0, 'io', 'some', 0);
-- and what could not be read or attached
INSERT INTO meta (key, value) VALUES ('readers_not_made', 'Resource temporarily unavailable');
INSERT INTO counter (name, value) VALUES ('readers_not_made', 3), ('programs_unread', 3), ('failed_reads', 1), ('ticks_refused', 2);
