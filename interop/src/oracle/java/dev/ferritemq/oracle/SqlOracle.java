package dev.ferritemq.oracle;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.apache.rocketmq.broker.filter.ConsumerFilterManager;
import org.apache.rocketmq.broker.filter.MessageEvaluationContext;
import org.apache.rocketmq.filter.expression.Expression;
import org.apache.rocketmq.filter.parser.SelectorParser;
import org.apache.rocketmq.filter.util.BitsArray;
import org.apache.rocketmq.filter.util.BloomFilter;

/**
 * Java's answers to compare ours with.
 *
 * <ul>
 * <li>{@code sql}: lines "expression TAB name=value TAB ..." come in, the same lines go out with
 * the answer before them: true, false, null, error, or refused with line:column where Java says
 * one.</li>
 * <li>{@code bloom}: a table of error rate, consumers, bits, hashes, text, positions and bytes.</li>
 * <li>{@code digits}: the characters of the basic plane that are digits zero.</li>
 * <li>{@code file}: a consumerFilter.json.</li>
 * </ul>
 */
public final class SqlOracle {
    private static final Pattern PLACE = Pattern.compile("at line (\\d+), column (\\d+)");
    private static final PrintStream OUT =
        new PrintStream(new java.io.BufferedOutputStream(System.out, 1 << 16), false, StandardCharsets.UTF_8);

    public static void main(String[] arguments) throws Exception {
        switch (arguments[0]) {
            case "sql" -> sql();
            case "bloom" -> bloom();
            case "digits" -> digits();
            case "file" -> file();
            default -> throw new IllegalArgumentException(arguments[0]);
        }
        OUT.flush();
    }

    private static void sql() throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] parts = line.split("\t", -1);
            Map<String, String> properties = new HashMap<>();
            for (int i = 1; i < parts.length; i++) {
                String[] pair = unescape(parts[i]).split("=", 2);
                properties.put(pair[0], pair[1]);
            }
            OUT.print(answer(unescape(parts[0]), properties));
            OUT.print('\t');
            OUT.print(line);
            OUT.print('\n');
        }
    }

    private static String answer(String text, Map<String, String> properties) {
        Expression expression;
        try {
            expression = SelectorParser.parse(text);
        } catch (Throwable e) {
            Matcher place = PLACE.matcher(String.valueOf(e.getCause() == null ? e : e.getCause().getMessage()));
            return place.find() ? "refused " + place.group(1) + ":" + place.group(2) : "refused";
        }
        try {
            Object result = expression.evaluate(new MessageEvaluationContext(properties));
            if (result != null && !(result instanceof Boolean)) {
                throw new IllegalStateException("not a boolean: " + result.getClass());
            }
            return String.valueOf(result);
        } catch (RuntimeException e) {
            return "error";
        } catch (Exception e) {
            return "error";
        }
    }

    private static String unescape(String text) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c != '\\') {
                out.append(c);
                continue;
            }
            c = text.charAt(++i);
            switch (c) {
                case 't' -> out.append('\t');
                case 'n' -> out.append('\n');
                case 'r' -> out.append('\r');
                case 'u' -> {
                    out.append((char) Integer.parseInt(text.substring(i + 1, i + 5), 16));
                    i += 4;
                }
                default -> out.append(c);
            }
        }
        return out.toString();
    }

    private static void bloom() {
        String[] texts = {"", "g#t", "group#topic", "GID_orders#Orders", "标签#主题", "0123456789abcde",
            "0123456789abcdef", "0123456789abcdefg", "a-consumer-group-of-some-length#TopicOfSomeLength"};
        int[][] shapes = {{20, 32}, {20, 64}, {1, 1}, {10, 128}, {50, 7}, {49, 3}, {99, 5}, {5, 1000}};
        for (int[] shape : shapes) {
            BloomFilter filter = BloomFilter.createByFn(shape[0], shape[1]);
            for (String text : texts) {
                BitsArray bits = BitsArray.create(filter.getM());
                filter.hashTo(text, bits);
                StringBuilder hex = new StringBuilder();
                if (filter.getM() <= 256) {
                    for (byte b : bits.bytes()) {
                        hex.append(String.format("%02x", b));
                    }
                }
                StringBuilder positions = new StringBuilder();
                for (int position : filter.calcBitPositions(text)) {
                    positions.append(positions.length() == 0 ? "" : ",").append(position);
                }
                OUT.printf("%d\t%d\t%d\t%d\t%s\t%s\t%s\n", shape[0], shape[1], filter.getM(), filter.getK(), text,
                    positions, hex);
            }
        }
    }

    private static void digits() {
        for (int c = 0; c < 0x10000; c++) {
            if (Character.digit((char) c, 10) == 0) {
                OUT.printf("%04X\n", c);
            }
        }
    }

    private static void file() {
        ConsumerFilterManager manager = new ConsumerFilterManager();
        manager.register("Orders", "GID_a", "price > 5 AND region = 'north'", "SQL92", 1700000000123L);
        manager.register("Orders", "GID_b", "a IS NOT NULL", "SQL92", 1700000000456L);
        manager.register("Bills", "GID_a", "x <> 'it''s \"here\"'", "SQL92", 7L);
        // Fixed times; the second group is dead, far ahead so that it is not cleaned away.
        manager.getFilterDataByTopic().values().forEach(byTopic ->
            byTopic.getGroupFilterData().values().forEach(data -> data.setBornTime(1700000000000L)));
        manager.get("Orders", "GID_b").setDeadTime(4102444800000L);
        OUT.print(manager.encode(true));
    }
}
