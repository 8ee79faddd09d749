-- Six spinning threads of "batch" and one server thread on two CPUs, all of the same weight.
-- CPU time: batch 6 * 3 s = 18 s, frontd 2 s. Waits (book B): batch 6 * 7 s = 42 s, frontd 1000 * 4 ms = 4 s.
-- Book A: both CPUs have a waiter all the time, 20 s; it belongs to the waiters by 42 : 4 and to the occupants by 18 : 2.
INSERT INTO cgroup (id, hierarchy, path, level, has_pressure, weight) VALUES (11, 2, '/system.slice/frontd.service', 2, 1, 100),
  (12, 2, '/user.slice', 1, 1, 100);
INSERT INTO process (id, pid, start_ns, parent_pid, name, exe, command_line, cgroup, cpu_cgroup, unit, runtime, linkage, allocator, folded)
VALUES
  (2, 700, 2000000000, 1, 'frontd', '/usr/sbin/frontd', '/usr/sbin/frontd', '/system.slice/frontd.service',
   '/system.slice/frontd.service', 'frontd.service', 'unknown', 'unknown', 'unknown', 1),
  (3, 900, 90000000000, 800, 'batch', '/home/ada/bin/batch', 'bin/batch --threads 6', '/user.slice', '/user.slice', NULL,
   'unknown', 'unknown', 'unknown', 1);
INSERT INTO task (process, tid, name, allowed_cpus, run_ns, switches, wait_ns, waits, wait_max_ns, wait_pressure_ns,
  credit_pressure_ns, credit_task_ns, run_delay_ns) VALUES
  (2, 700, 'frontd', 2, 2000000000, 1000, 4000000000, 1000, 12000000, 1739130435, 2000000000, 4200000000, 4000000000);
INSERT INTO task (process, tid, name, allowed_cpus, run_ns, switches, wait_ns, waits, wait_max_ns, wait_pressure_ns,
  credit_pressure_ns, credit_task_ns, run_delay_ns)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 5)
SELECT 3, 900 + i, 'batch-' || i, 2, 3000000000, 900, 7000000000, 900, 24000000, 3043478260, 3000000000, 6966666666, 7000000000 FROM n;
INSERT INTO pair VALUES (2, 0, 3, 4000000000, 1000, 0, 0), (3, 0, 3, 37800000000, 5400, 0, 0), (3, 0, 2, 4200000000, 900, 0, 0);
INSERT INTO cpu (cpu, run_ns, switches, kernel_switches) VALUES (0, 10000000000, 3200, 3200), (1, 10000000000, 3200, 3200);
INSERT INTO fold (cgroup, number, cpu, some_ns, nonidle_ns)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 4), c(cpu) AS (VALUES (0), (1))
SELECT 0, i, cpu, 2000000000, 2000000000 FROM n, c;
INSERT INTO book (cgroup, cpu, meter_ns, victims_ns, culprits_ns, victims_task_ns) VALUES
  (0, 0, 10000000000, 10000000000, 10000000000, 23000000000), (0, 1, 10000000000, 10000000000, 10000000000, 23000000000);
-- the server's cgroup: 4 s of waits, 2 s on each CPU; nonidle 3 s each (2 s waiting, 1 s running)
INSERT INTO fold (cgroup, number, cpu, some_ns, nonidle_ns) VALUES (11, 0, 0, 2000000000, 3000000000), (11, 0, 1, 2000000000, 3000000000);
INSERT INTO book (cgroup, cpu, meter_ns, victims_ns, culprits_ns) VALUES
  (11, 0, 2000000000, 2000000000, 2000000000), (11, 1, 2000000000, 2000000000, 2000000000);
INSERT INTO cgroup_credit VALUES (11, 0, 3, 4000000000);
INSERT INTO pressure VALUES (0, 'cpu', 'some', 10000000000), (0, 'memory', 'some', 0), (0, 'io', 'some', 0),
  (11, 'cpu', 'some', 2000000000), (11, 'cpu', 'full', 2000000000), (11, 'io', 'some', 0);
INSERT INTO event (time_ns, cpu, process, tid, name, wait_ns, kind, culprit) VALUES
  (1200000000, 0, 2, 700, 'frontd', 12000000, 0, 3), (2500000000, 1, 3, 901, 'batch-1', 24000000, 0, 3);
-- what runs on the CPUs: the batch maps, fills and unmaps buffers; three quarters of its samples have waiters
INSERT INTO meta VALUES ('probe.sample', 'on'), ('sample.period_ns', '5000000'), ('sample.cpus', '2');
INSERT INTO stack VALUES
  (1, 'clear_page_erms+0x7' || char(10) || 'vma_alloc_folio_noprof+0x61' || char(10) || 'do_anonymous_page+0x415' || char(10) || '__handle_mm_fault+0x9fa'
    || char(10) || 'handle_mm_fault+0xd0' || char(10) || 'exc_page_fault+0x176' || char(10) || 'asm_exc_page_fault+0x22'),
  (2, 'fill (batch)' || char(10) || 'main (batch)'),
  (3, 'zap_pte_range+0x10' || char(10) || 'unmap_vmas+0x4' || char(10) || '__vm_munmap+0x20' || char(10) || '__x64_sys_munmap+0x17'),
  (4, 'munmap (libc.so.6)' || char(10) || 'main (batch)'),
  (5, 'memcpy (libc.so.6)' || char(10) || 'main (batch)'),
  (6, 'net_rx_action+0x1' || char(10) || 'handle_softirqs+0x5');
INSERT INTO cpu_sample (process, operation, kernel_stack, user_stack, samples, waited, ns, pressure_ns, waiters_ns) VALUES
  (3, 'page fault', 1, 2, 2160, 1620, 10800000000, 8100000000, 18630000000),
  (3, 'munmap', 3, 4, 900, 675, 4500000000, 3375000000, 7762500000),
  (3, '', 0, 5, 360, 270, 1800000000, 1350000000, 3105000000),
  (3, 'write', 0, 0, 180, 135, 900000000, 675000000, 1552500000),
  (3, 'softirq', 6, 0, 40, 20, 200000000, 100000000, 100000000),
  (2, '', 0, 0, 12, 12, 60000000, 60000000, 60000000);
