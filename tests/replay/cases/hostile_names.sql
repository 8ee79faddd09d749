-- A recording from somebody else's machine: names that would move the cursor, break lines or JSON, and rows that cannot be.
INSERT INTO process (id, pid, start_ns, parent_pid, name, exe, command_line, cgroup, cpu_cgroup, runtime, linkage, allocator, folded) VALUES
  (2, 700, 2000000000, 1, char(27) || '[31m"red\', '/tmp/a' || char(10) || 'b' || char(8238) || 'gpj.exe', 'a' || char(9) || 'b',
   '/system.slice/' || char(155) || 'x', '/', 'unknown', 'unknown', 'unknown', 1),
  (2, 701, 2000000000, 1, 'double', NULL, NULL, NULL, NULL, 'unknown', 'unknown', 'unknown', 1);
INSERT INTO task (process, tid, name, allowed_cpus, run_ns, switches, wait_ns, waits, wait_max_ns, wait_pressure_ns, credit_pressure_ns,
  credit_task_ns, run_delay_ns)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 3)
SELECT 2, 700 + i, CAST(x'ff6261640a' AS TEXT), 2, 5000000000, 500, 5000000000, 500, 8000000, 5000000000, 5000000000, 5000000000, 5000000000
FROM n;
INSERT INTO pair VALUES (2, 0, 2, 20000000000, 2000, 0, 0), (2, 0, 12345, 5, 1, 0, 0), (2, 77, 0, -5, -1, 0, 0);
INSERT INTO cpu (cpu, run_ns, switches, kernel_switches) VALUES (0, 10000000000, 1000, 1000), (1, 10000000000, 1000, 1000);
INSERT INTO fold (cgroup, number, cpu, some_ns, nonidle_ns) VALUES (0, 0, 0, 10000000000, 10000000000), (0, 0, 1, 10000000000, 10000000000);
INSERT INTO book (cgroup, cpu, meter_ns, victims_ns, culprits_ns, victims_task_ns) VALUES
  (0, 0, 10000000000, 10000000000, 10000000000, 10000000000), (0, 1, 10000000000, 10000000000, 10000000000, 10000000000);
INSERT INTO pressure VALUES (0, 'cpu', 'some', 10000000000);
