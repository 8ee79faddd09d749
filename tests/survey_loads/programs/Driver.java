// Drives the JVM for the survey: Driver spin|garbage|synchronized|executor.
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;

public class Driver {
    private static final Map<Integer, Integer> table = new HashMap<>();
    private static volatile long sink;

    private static void spin() {
        for (long i = 0, sum = 0; ; i++) {
            sum += i * i % 7;
            if ((i & 0xfffff) == 0)
                sink = sum;
        }
    }

    private static void garbage() {
        List<byte[]> kept = new ArrayList<>();
        for (int i = 0; ; i++) {
            kept.add(new byte[4096]);
            if (kept.size() > 4000)
                kept = new ArrayList<>();
        }
    }

    private static void monitor() {
        for (int key = 0; ; key++)
            synchronized (table) {
                for (int i = 0; i < 100; i++)
                    table.merge((key + i) % 5000, 1, Integer::sum);
            }
    }

    private static long job(int number) {
        long sum = 0;
        for (int i = 0; i < 20000; i++)
            sum += (long) i * number % 7;
        return sum;
    }

    private static void executor() throws InterruptedException {
        ExecutorService pool = Executors.newFixedThreadPool(8);
        Semaphore room = new Semaphore(64);
        for (int number = 0; ; number++) {
            int mine = number;
            room.acquire();
            pool.execute(() -> {
                sink = job(mine);
                room.release();
            });
        }
    }

    public static void main(String[] arguments) throws InterruptedException {
        Map<String, Runnable> modes = Map.of("spin", Driver::spin, "garbage", Driver::garbage, "synchronized", Driver::monitor);
        String mode = arguments.length == 1 ? arguments[0] : "";
        if (mode.equals("executor"))
            executor();
        if (!modes.containsKey(mode)) {
            System.err.println("Driver: spin, garbage, synchronized or executor");
            System.exit(1);
        }
        for (int i = 0; i < 8; i++)
            new Thread(modes.get(mode)).start();
    }
}
