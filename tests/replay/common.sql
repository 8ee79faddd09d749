-- The machine of all cases: two CPUs, HZ 250 (a jiffy is 4 ms), ten seconds. Cases replace what differs.
INSERT INTO meta (key, value) VALUES
  ('schema', '1'), ('tool_version', '0.1.0'), ('complete', '1'), ('start_time', '2026-01-02T03:04:05.000000000Z'),
  ('window_ns', '10000000000'), ('requested_ns', '10000000000'), ('ended_by', 'time'), ('kernel', '6.1.0-18-amd64'),
  ('machine', 'x86_64'), ('cpus', '2'), ('hz', '250'), ('boot_id', '01234567-89ab-cdef-0123-456789abcdef'),
  ('virtualization', 'kvm'), ('distribution', 'Debian GNU/Linux 12 (bookworm)'), ('meter', 'psi_group_cpu'),
  ('pair_threshold_ns', '100000'), ('event_threshold_ns', '1000000'), ('tool_cpu_ns', '40000000'), ('tool_memory_kib', '20000'),
  ('probe_ns', '10000000'), ('probe_runs', '50000'), ('forks', '20'), ('execs', '10'), ('exits', '20'),
  ('context_switches', '50100'), ('first_event_ns', '200000000');
INSERT INTO cgroup (id, hierarchy, path, level, has_pressure, weight) VALUES
  (1, 2, '/', 0, 0, -1), (10, 2, '/system.slice', 1, 1, 100);
INSERT INTO process (id, pid, start_ns, parent_pid, name, exe, command_line, cgroup, cpu_cgroup, unit, runtime, linkage, allocator, folded)
VALUES
  (1, 1, 1000000, 0, 'systemd', '/usr/lib/systemd/systemd', '/sbin/init', '/init.scope', '/init.scope', 'init.scope',
   'unknown', 'unknown', 'unknown', 1);
INSERT INTO task (process, tid, name, allowed_cpus, run_ns, switches, wait_ns, waits, wait_max_ns, run_delay_ns) VALUES
  (1, 1, 'systemd', 2, 1000000, 10, 100000, 10, 20000, 100000);
