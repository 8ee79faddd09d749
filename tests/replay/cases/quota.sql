-- One spinning thread with 20 ms of CPU in 100 ms, on an idle machine: it runs 2 s and is throttled 8 s.
-- CPU 0 counts 8 s of some; CPU 1 is idle and weighs nothing, so total= grows by 8 s.
INSERT INTO cgroup (id, hierarchy, path, level, has_pressure, weight, quota_us, period_us, periods, throttled_periods, throttled_us) VALUES
  (11, 2, '/system.slice/capped.service', 2, 1, 100, 20000, 100000, 100, 100, 8000000);
INSERT INTO process (id, pid, start_ns, parent_pid, name, exe, command_line, cgroup, cpu_cgroup, unit, runtime, linkage, allocator, folded)
VALUES (2, 700, 2000000000, 1, 'encoder', '/usr/bin/encoder', 'encoder in out', '/system.slice/capped.service',
  '/system.slice/capped.service', 'capped.service', 'unknown', 'unknown', 'unknown', 1);
INSERT INTO task (process, tid, name, allowed_cpus, run_ns, switches, wait_ns, waits, wait_max_ns, wait_pressure_ns, throttled_ns,
  run_delay_ns) VALUES
  (2, 700, 'encoder', 2, 2000000000, 100, 8000000000, 100, 80000000, 8000000000, 8000000000, 8000000000);
INSERT INTO pair VALUES (2, 5, 0, 8000000000, 100, 0, 0);
INSERT INTO cpu (cpu, run_ns, idle_ns, credit_quota_ns, credit_quota_task_ns, switches, kernel_switches) VALUES
  (0, 2000000000, 8000000000, 8000000000, 8000000000, 400, 400), (1, 1000000, 9999000000, 0, 0, 40, 40);
INSERT INTO fold (cgroup, number, cpu, some_ns, nonidle_ns)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 4), g(cgroup) AS (VALUES (0), (11))
SELECT cgroup, i, 0, 1600000000, 2000000000 FROM n, g UNION ALL SELECT cgroup, i, 1, 0, 200000 FROM n, g;
INSERT INTO book (cgroup, cpu, meter_ns, victims_ns, culprits_ns, victims_task_ns) VALUES
  (0, 0, 8000000000, 8000000000, 8000000000, 8000000000), (11, 0, 8000000000, 8000000000, 8000000000, 0);
INSERT INTO cgroup_credit VALUES (11, 5, 0, 8000000000);
INSERT INTO pressure VALUES (0, 'cpu', 'some', 8000000000), (0, 'io', 'some', 0), (11, 'cpu', 'some', 8000000000),
  (11, 'cpu', 'full', 8000000000);
-- what the throttled process needs the CPU for: nobody waits while it runs
INSERT INTO meta VALUES ('probe.sample', 'on'), ('sample.period_ns', '5000000'), ('sample.cpus', '2');
INSERT INTO stack VALUES (1, 'encode_block (encoder)' || char(10) || 'main (encoder)'), (2, 'ksys_write+0x5' || char(10) || '__x64_sys_write+0x1');
INSERT INTO cpu_sample (process, operation, kernel_stack, user_stack, samples, waited, ns, pressure_ns, waiters_ns) VALUES
  (2, '', 0, 1, 320, 0, 1600000000, 0, 0), (2, 'write', 2, 1, 80, 0, 400000000, 0, 0);
