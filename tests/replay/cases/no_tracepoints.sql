-- A kernel before 5.19: locks cannot be judged, and the report says so; what else was judged is as sound as ever.
INSERT INTO meta VALUES ('locks', '0');
UPDATE meta SET value = '5.15.0-91-generic' WHERE key = 'kernel';
INSERT INTO cpu (cpu, run_ns, idle_ns, switches, kernel_switches) VALUES
  (0, 100000000, 9900000000, 5000, 5000), (1, 100000000, 9900000000, 5000, 5000);
INSERT INTO fold (cgroup, number, cpu, some_ns, nonidle_ns) VALUES (0, 0, 0, 10000000, 100000000), (0, 0, 1, 10000000, 100000000);
INSERT INTO book (cgroup, cpu, meter_ns, victims_ns, culprits_ns, victims_task_ns) VALUES
  (0, 0, 10000000, 10000000, 10000000, 10000000), (0, 1, 10000000, 10000000, 10000000, 10000000);
INSERT INTO pressure VALUES (0, 'cpu', 'some', 10000000);
