package dev.ferritemq.interop;

import java.util.HashMap;
import java.util.Map;

import org.apache.rocketmq.client.impl.MQClientAPIImpl;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;

/** Requests by code and fields, for what the client libraries do not offer or not in both versions. */
public final class Wire {
    private Wire() {
    }

    /** The calls of a started producer's client instance. */
    public static MQClientAPIImpl api(DefaultMQProducer producer) {
        return producer.getDefaultMQProducerImpl().getmQClientFactory().getMQClientAPIImpl();
    }

    /** Sends request {@code code} to {@code address}; {@code fields} are names and values in turn. */
    public static RemotingCommand call(DefaultMQProducer producer, String address, int code, Object... fields)
            throws Exception {
        return callWith(producer, address, code, null, fields);
    }

    /** As {@link #call}, with a body. */
    public static RemotingCommand callWith(DefaultMQProducer producer, String address, int code, byte[] body,
            Object... fields) throws Exception {
        RemotingCommand request = RemotingCommand.createRequestCommand(code, null);
        Map<String, String> map = new HashMap<>();
        for (int i = 0; i < fields.length; i += 2) {
            map.put((String) fields[i], String.valueOf(fields[i + 1]));
        }
        request.setExtFields((HashMap<String, String>) map);
        request.setBody(body);
        return api(producer).getRemotingClient().invokeSync(address, request, 10_000);
    }
}
