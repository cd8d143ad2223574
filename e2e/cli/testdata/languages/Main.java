import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/** A job in Java: java Main.java TOKEN. It has a temporary folder, a child, and a shutdown hook. */
public class Main {
    public static void main(String[] args) throws Exception {
        long pid = ProcessHandle.current().pid();
        System.out.println("pid " + pid);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                Files.writeString(Path.of("handlers"), "shutdown hook\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
            } catch (IOException e) {
                e.printStackTrace();
            }
        }));
        Path folder = Files.createTempDirectory("job-");
        System.out.println("temp " + folder);
        register(args[0], pid);
        new ProcessBuilder("sh", "-c", "while :; do sleep 0.01; done").start();
        for (int done = 0; ; done++) {
            Files.writeString(folder.resolve(String.valueOf(done)), "x".repeat(10000));
            if (done == 5) {
                System.out.println("ready");
            }
            Thread.sleep(5);
        }
    }

    static void register(String token, long pid) throws Exception {
        add("exec", "--", "sh", "oldest.sh");
        Files.writeString(Path.of("registered"), "");
        add("remove", "registered");
        Files.createDirectory(Path.of("folder"));
        add("remove", "folder");
        Files.writeString(Path.of("folder/inside"), "");
        String script = "env -i /bin/sleep \"$1\" </dev/null >/dev/null 2>&1 & echo $!";
        add("kill", output(List.of("setsid", "sh", "-c", script, "sh", token)));
        add("exec", "--", "sh", "newest.sh", String.valueOf(pid));
    }

    static String add(String... words) throws Exception {
        List<String> command = new ArrayList<>(List.of("lastly", "add"));
        command.addAll(List.of(words));
        return output(command);
    }

    static String output(List<String> command) throws Exception {
        Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        String text = new String(process.getInputStream().readAllBytes()).trim();
        if (process.waitFor() != 0) {
            throw new IOException(command + ": exit status " + process.exitValue());
        }
        return text;
    }
}
