-- Events were missing: of 4 s that the kernel counted, 1 s has no victim and 1.2 s no occupant, so as little as 1.8 s has both.
INSERT INTO process (id, pid, start_ns, parent_pid, name, exe, cgroup, cpu_cgroup, runtime, linkage, allocator, folded) VALUES
  (2, 700, 2000000000, 1, 'switchy', '/usr/bin/switchy', '/system.slice', '/system.slice', 'unknown', 'unknown', 'unknown', 1);
INSERT INTO task (process, tid, name, allowed_cpus, run_ns, switches, wait_ns, waits, wait_max_ns, wait_pressure_ns, credit_pressure_ns,
  credit_task_ns, run_delay_ns)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9)
SELECT 2, 700 + i, 'switchy', 2, 1500000000, 500000, 600000000, 500000, 3000000, 600000000, 560000000, 600000000, 800000000 FROM n;
INSERT INTO pair VALUES (2, 0, 2, 4000000000, 10000, 0, 0);
INSERT INTO cpu (cpu, run_ns, idle_ns, credit_unknown_ns, credit_unknown_task_ns, switches, kernel_switches, gaps, gap_ns)
WITH c(cpu) AS (VALUES (0), (1))
SELECT cpu, 8000000000, 2000000000, 1000000000, 1000000000, 4000000, 5000000, 900, 1200000000 FROM c;
INSERT INTO fold (cgroup, number, cpu, some_ns, nonidle_ns)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 4), c(cpu) AS (VALUES (0), (1))
SELECT 0, i, cpu, 800000000, 1600000000 FROM n, c;
INSERT INTO book (cgroup, cpu, meter_ns, victims_ns, culprits_ns, victims_task_ns) VALUES
  (0, 0, 4000000000, 3000000000, 2800000000, 3000000000), (0, 1, 4000000000, 3000000000, 2800000000, 3000000000);
INSERT INTO pressure VALUES (0, 'cpu', 'some', 4000000000), (0, 'io', 'some', 0);
INSERT INTO counter VALUES ('events_lost', 1000000, 'context switches that the probe did not see');
