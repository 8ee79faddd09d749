-- A server that is busy for 40 % of two CPUs and waits 30 ms in ten seconds, in 6000 waits of 5 us: nothing to accuse.
INSERT INTO cgroup (id, hierarchy, path, level, has_pressure, weight) VALUES (11, 2, '/system.slice/web.service', 2, 1, 100);
INSERT INTO process (id, pid, start_ns, parent_pid, name, exe, command_line, cgroup, cpu_cgroup, unit, runtime, linkage, allocator, folded)
VALUES (2, 700, 2000000000, 1, 'web', '/usr/sbin/web', '/usr/sbin/web -c 4', '/system.slice/web.service', '/system.slice/web.service',
  'web.service', 'unknown', 'unknown', 'unknown', 1);
INSERT INTO task (process, tid, name, allowed_cpus, run_ns, switches, wait_ns, waits, wait_max_ns, wait_pressure_ns, wait_idle_ns,
  run_delay_ns)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 3)
SELECT 2, 700 + i, 'web-worker', 2, 2000000000, 1500, 7500000, 1500, 40000, 7500000, 7500000, 7500000 FROM n;
INSERT INTO cpu (cpu, run_ns, idle_ns, credit_idle_ns, credit_idle_task_ns, switches, kernel_switches) VALUES
  (0, 4000000000, 6000000000, 15000000, 15000000, 25000, 25000), (1, 4000000000, 6000000000, 15000000, 15000000, 25000, 25000);
INSERT INTO fold (cgroup, number, cpu, some_ns, nonidle_ns)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 4), c(cpu) AS (VALUES (0), (1))
SELECT 0, i, cpu, 3000000, 800000000 FROM n, c;
-- each fold: both CPUs alike, so 3 ms; five folds: 15 ms
INSERT INTO book (cgroup, cpu, meter_ns, victims_ns, culprits_ns, victims_task_ns) VALUES
  (0, 0, 15000000, 15000000, 15000000, 15000000), (0, 1, 15000000, 15000000, 15000000, 15000000);
INSERT INTO pressure VALUES (0, 'cpu', 'some', 15000000), (0, 'memory', 'some', 0), (0, 'memory', 'full', 0), (0, 'io', 'some', 2000000),
  (0, 'io', 'full', 1000000);
