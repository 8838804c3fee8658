package dev.ferritemq.interop;

import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.message.Message;

/**
 * Sends with eight threads for {@code --seconds} and prints once a second what became of the sends: how
 * many were stored, and the codes and words of the refusals.
 */
public final class Busy {
    private static final Map<String, Integer> OUTCOMES = new TreeMap<>();

    private Busy() {
    }

    public static void main(String[] args) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(Long.parseLong(args[1]));
        DefaultMQProducer producer = new DefaultMQProducer("busy");
        producer.setNamesrvAddr(args[0]);
        producer.setVipChannelEnabled(false);
        producer.start();
        for (int i = 0; i < 8; i++) {
            Thread thread = new Thread(() -> {
                while (System.nanoTime() < end) {
                    note(outcome(producer));
                }
            });
            thread.setDaemon(true);
            thread.start();
        }
        while (System.nanoTime() < end) {
            Thread.sleep(1000);
            synchronized (OUTCOMES) {
                System.out.println(OUTCOMES);
                OUTCOMES.clear();
            }
        }
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }

    private static void note(String outcome) {
        synchronized (OUTCOMES) {
            OUTCOMES.merge(outcome, 1, Integer::sum);
        }
    }

    private static String outcome(DefaultMQProducer producer) {
        try {
            SendStatus status = producer.send(new Message("BusyTopic", new byte[100])).getSendStatus();
            return status == SendStatus.SEND_OK ? "stored" : status.name();
        } catch (MQBrokerException refused) {
            // As the client backs off after a refusal, so does this.
            sleep();
            return refused.getResponseCode() + " " + refused.getErrorMessage();
        } catch (Exception other) {
            sleep();
            Throwable cause = other.getCause() == null ? other : other.getCause();
            String code = cause instanceof MQBrokerException
                    ? ((MQBrokerException) cause).getResponseCode() + " " + ((MQBrokerException) cause).getErrorMessage()
                    : cause.getClass().getSimpleName();
            return "given up: " + code;
        }
    }

    private static void sleep() {
        try {
            Thread.sleep(50);
        } catch (InterruptedException stop) {
            Thread.currentThread().interrupt();
        }
    }
}
