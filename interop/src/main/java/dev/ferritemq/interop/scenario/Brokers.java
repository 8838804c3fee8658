package dev.ferritemq.interop.scenario;

import java.util.List;
import java.util.Map;
import java.util.Properties;

import dev.ferritemq.interop.Check;
import dev.ferritemq.interop.Context;

/** Broker runtime information and settings. */
public final class Brokers {
    private Brokers() {
    }

    /** D14: the keys operators and scripts read, with sensible values. */
    public static void runtime(Context context) throws Exception {
        String topic = context.topic(1);
        long before = Long.parseLong(table(context).get("msgPutTotalTodayNow"));
        context.send(topic, 0, 5);
        Map<String, String> table = table(context);
        for (String key : List.of("msgPutTotalYesterdayMorning", "msgPutTotalTodayMorning", "msgPutTotalTodayNow",
                "msgGetTotalYesterdayMorning", "msgGetTotalTodayMorning", "msgGetTotalTodayNow",
                "sendThreadPoolQueueSize", "sendThreadPoolQueueCapacity", "pullThreadPoolQueueSize",
                "pullThreadPoolQueueCapacity", "queryThreadPoolQueueSize", "queryThreadPoolQueueCapacity",
                "sendThreadPoolQueueHeadWaitTimeMills", "pullThreadPoolQueueHeadWaitTimeMills",
                "queryThreadPoolQueueHeadWaitTimeMills", "EndTransactionQueueSize", "EndTransactionThreadPoolQueueCapacity",
                "earliestMessageTimeStamp", "pageCacheLockTimeMills", "commitLogDiskRatio", "consumeQueueDiskRatio",
                "commitLogMinOffset", "commitLogMaxOffset", "dispatchBehindBytes", "remainHowManyDataToFlush",
                "remainTransientStoreBufferNumbs", "startAcceptSendRequestTimeStamp", "dispatchMaxBuffer",
                "putMessageDistributeTime", "putMessageEntireTimeMax", "putMessageTimesTotal", "putMessageSizeTotal",
                "putMessageAverageSize", "putMessageFailedTimes", "getFoundTps", "getMissTps", "getTotalTps",
                "getTransferedTps", "getTransferredTps", "getMessageEntireTimeMax", "putTps", "bootTimestamp",
                "runtime", "brokerVersion", "brokerVersionDesc", "commitLogDirCapacity")) {
            if (key.equals("getTransferedTps") && table.containsKey("getTransferredTps")
                    || key.equals("getTransferredTps") && table.containsKey("getTransferedTps")) {
                // 4.9 spells it with one r, 5.x with two.
                continue;
            }
            Check.that(table.containsKey(key), key + " is not in " + table.keySet());
        }
        Check.atLeast(before + 5, Long.parseLong(table(context).get("msgPutTotalTodayNow")), "messages put today");
        Check.atLeast(1, Long.parseLong(table.get("commitLogMaxOffset")), "end of the commit log");
        Check.that(table.get("brokerVersionDesc").startsWith("V"), "version " + table.get("brokerVersionDesc"));
        Check.that(table.get("putTps").matches("[0-9. ]+"), "putTps <" + table.get("putTps") + ">");
    }

    private static Map<String, String> table(Context context) throws Exception {
        return context.admin().fetchBrokerRuntimeStats(context.brokerAddr()).getTable();
    }

    /** D13, D16: settings are read, changed and read again; unknown keys are taken without harm. */
    public static void config(Context context) throws Exception {
        Properties before = context.admin().getBrokerConfig(context.brokerAddr());
        Check.equal(context.cluster().brokerName(), before.getProperty("brokerName"), "brokerName");
        Check.equal(context.cluster().clusterName(), before.getProperty("brokerClusterName"), "brokerClusterName");
        Check.equal("0", before.getProperty("brokerId"), "brokerId");
        for (String key : List.of("namesrvAddr", "brokerIP1", "listenPort", "storePathRootDir", "flushDiskType",
                "brokerRole", "autoCreateTopicEnable", "maxMessageSize", "fileReservedTime", "deleteWhen")) {
            Check.that(before.containsKey(key), key + " is not in " + before.keySet());
        }
        String old = before.getProperty("fileReservedTime");
        Properties change = new Properties();
        change.setProperty("fileReservedTime", "71");
        context.admin().updateBrokerConfig(context.brokerAddr(), change);
        Check.equal("71", context.admin().getBrokerConfig(context.brokerAddr()).getProperty("fileReservedTime"),
                "fileReservedTime after the change");
        change.setProperty("fileReservedTime", old);
        context.admin().updateBrokerConfig(context.brokerAddr(), change);
    }
}
