-- A kernel without PSI: the event model is all there is, so nothing can be compared.
UPDATE meta SET value = 'events' WHERE key = 'meter';
INSERT INTO process (id, pid, start_ns, parent_pid, name, exe, cgroup, cpu_cgroup, runtime, linkage, allocator, folded) VALUES
  (2, 700, 2000000000, 1, 'hog', '/usr/bin/hog', '/system.slice', '/system.slice', 'unknown', 'unknown', 'unknown', 1);
INSERT INTO task (process, tid, name, allowed_cpus, run_ns, switches, wait_ns, waits, wait_max_ns, wait_pressure_ns, credit_pressure_ns,
  credit_task_ns, run_delay_ns)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 3)
SELECT 2, 700 + i, 'hog', 2, 5000000000, 500, 5000000000, 500, 8000000, 5000000000, 5000000000, 5000000000, 5000000000 FROM n;
INSERT INTO pair VALUES (2, 0, 2, 20000000000, 2000, 0, 0);
INSERT INTO cpu (cpu, run_ns, switches, kernel_switches) VALUES (0, 10000000000, 1000, 1000), (1, 10000000000, 1000, 1000);
INSERT INTO book (cgroup, cpu, meter_ns, victims_ns, culprits_ns, victims_task_ns) VALUES
  (0, 0, 10000000000, 10000000000, 10000000000, 10000000000), (0, 1, 10000000000, 10000000000, 10000000000, 10000000000);
