-- The case: a backup daemon (Rust, glibc's malloc set by mallopt) fights over its own address-space lock; beside it a busy static Go
-- program that has nothing to do with it, and CPU pressure that a quota makes (CPU 0: 4 s of some; CPU 1 weighs as much and has none).
INSERT INTO meta VALUES ('locks', '1');
INSERT INTO cgroup (id, hierarchy, path, level, has_pressure, weight, quota_us, period_us, periods, throttled_periods, throttled_us) VALUES
  (11, 2, '/system.slice/encoder.service', 2, 1, 100, 20000, 100000, 100, 100, 4000000),
  (12, 2, '/system.slice/proxmox-backup-proxy.service', 2, 1, 100, -1, 100000, 0, 0, 0);
INSERT INTO process (id, pid, start_ns, parent_pid, name, exe, command_line, cgroup, cpu_cgroup, unit, runtime, linkage, allocator, folded,
  runtime_version, module, module_version, loader, libc, allocator_how, build_id, package, package_version, settings, calls_mallopt) VALUES
  (2, 412, 2000000000, 1, 'backup-daemon', '/usr/lib/backup/backup-daemon', 'backup-daemon', '/system.slice/proxmox-backup-proxy.service',
   '/system.slice/proxmox-backup-proxy.service', 'proxmox-backup-proxy.service', 'rust', 'dynamic', 'glibc', 1,
   '1.75.0', NULL, NULL, '/lib64/ld-linux-x86-64.so.2', 'glibc', 'libc', '0123456789abcdef', 'backup-daemon', '3.2.7-1', '', 1),
  (3, 700, 2000000000, 1, 'encoder', '/usr/bin/encoder', 'encoder in out', '/system.slice/encoder.service', '/system.slice/encoder.service',
   'encoder.service', 'c', 'dynamic', 'glibc', 1, NULL, NULL, NULL, '/lib64/ld-linux-x86-64.so.2', 'glibc', 'libc', NULL, NULL, NULL, NULL, 0),
  (4, 900, 2000000000, 1, 'storagenode', '/usr/local/bin/storagenode', 'storagenode run', '/system.slice', '/system.slice', NULL, 'go', 'static',
   'go', 1, 'go1.22.5', 'storj.io/storj', 'v1.110.3', NULL, 'none', 'runtime', NULL, NULL, NULL, 'GOGC=80', 0);
INSERT INTO task (process, tid, name, allowed_cpus, run_ns, switches, wait_ns, waits, wait_max_ns, wait_pressure_ns, throttled_ns, wait_idle_ns,
  run_delay_ns)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 31)
SELECT 2, 412 + i, 'tokio-runtime-w', 2, 100000000, 1000, 1000000, 1000, 40000, 0, 0, 1000000, 1000000 FROM n
UNION ALL SELECT 3, 700, 'encoder', 2, 1000000000, 100, 4000000000, 100, 80000000, 4000000000, 4000000000, 0, 4000000000
UNION ALL SELECT 4, 900, 'storagenode', 2, 5000000000, 5000, 2000000, 5000, 40000, 0, 0, 2000000, 2000000;
INSERT INTO pair VALUES (3, 5, 0, 4000000000, 100, 0, 0);
INSERT INTO cpu (cpu, run_ns, idle_ns, credit_quota_ns, credit_quota_task_ns, switches, kernel_switches) VALUES
  (0, 4600000000, 5400000000, 4000000000, 4000000000, 20000, 20000), (1, 4600000000, 5400000000, 0, 0, 18000, 18000);
INSERT INTO fold (cgroup, number, cpu, some_ns, nonidle_ns)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 4)
SELECT 0, i, 0, 800000000, 1000000000 FROM n UNION ALL SELECT 0, i, 1, 0, 1000000000 FROM n;
INSERT INTO book (cgroup, cpu, meter_ns, victims_ns, culprits_ns, victims_task_ns) VALUES
  (0, 0, 4000000000, 4000000000, 4000000000, 4000000000);
INSERT INTO pressure VALUES (0, 'cpu', 'some', 2000000000), (0, 'memory', 'some', 0), (0, 'io', 'some', 0);
INSERT INTO stack VALUES
  (1, 'rwsem_down_write_slowpath+0x588' || char(10) || 'down_write_killable+0x5c' || char(10) || '__vm_munmap+0x7d' || char(10) ||
      '__x64_sys_munmap+0x17' || char(10) || 'do_syscall_64+0x71' || char(10) || 'entry_SYSCALL_64_after_hwframe+0x76'),
  (2, 'munmap (libc.so.6)' || char(10) || 'free (libc.so.6)' || char(10) || 'pbs_datastore::chunk_store::insert_chunk (backup-daemon)'),
  (3, 'zap_pte_range+0x2f0' || char(10) || 'unmap_page_range+0x3c0' || char(10) || 'unmap_region+0xb0' || char(10) ||
      '__vm_munmap+0x9d' || char(10) || '__x64_sys_munmap+0x17' || char(10) || 'do_syscall_64+0x71'),
  (4, 'rwsem_down_read_slowpath+0x3a0' || char(10) || 'down_read+0x48' || char(10) || 'do_user_addr_fault+0x1e0' || char(10) ||
      'exc_page_fault+0x70' || char(10) || 'asm_exc_page_fault+0x26');
INSERT INTO lock VALUES (1, 'mmap_lock', 2, NULL, 1, 6800000000), (2, 'spinlock', 0, 'folio_lruvec_lock_irqsave', 0, 0),
  (3, 'mutex', 0, 'pipe_read', 0, 2000000);
INSERT INTO lock_wait VALUES (1, 2, 'write', 2900, 21000000000, 310000000, 20000000000, 200000000, 800000000, 100000000),
  (1, 2, 'read', 912, 7000000000, 250000000, 6700000000, 0, 300000000, 0), (2, 2, 'write', 5000, 20000000, 90000, 0, 20000000, 0, 0),
  (3, 1, 'write', 3, 2000000, 1000000, 2000000, 0, 0, 0);
INSERT INTO lock_hold VALUES (1, 2, 'munmap', 'write', 13000000000, 3000000000), (1, 2, 'munmap', 'read', 6600000000, 1700000000),
  (1, 2, 'mmap', 'write', 5500000000, 1400000000), (1, 2, 'page fault', 'read', 1400000000, 400000000),
  (1, 2, 'munmap', 'handed over', 900000000, 200000000), (1, 0, 'handing over', 'write', 400000000, 100000000),
  (1, 0, 'unknown', 'write', 200000000, 50000000), (2, 0, 'unknown', 'write', 20000000, 0), (3, 1, 'read', 'write', 2000000, 2000000);
INSERT INTO lock_stack VALUES (1, 2, 'owner', 3, 2, 12000000000, 400), (1, 2, 'owner', 1, 2, 7000000000, 250),
  (1, 2, 'waiter', 1, 2, 18000000000, 700), (1, 2, 'waiter', 4, 0, 6500000000, 240);
INSERT INTO blocked VALUES (2, 'lock', 26900000000, 3812, 310000000, 100000000), (4, 'work', 14000000000, 5000, 90000000, 0),
  (4, 'futex', 1200000000, 900, 20000000, 0), (1, 'timer', 10000000000, 10, 1000000000, 0);
INSERT INTO counter VALUES ('lock_states_lost', 0, 'waits for kernel locks that were not recorded for want of room');
