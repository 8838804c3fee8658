// Sends to and consumes from a RocketMQ cluster with the Go client (JSON headers, own JSON
// reader, client version 317). Prints one line per scenario, "PASS name 12 ms" or
// "FAIL name 12 ms: why", as the Java programs do; exit code 1 if one failed.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/admin"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
	"github.com/apache/rocketmq-client-go/v2/rlog"
)

type cluster struct {
	namesrv string
	broker  string
	count   int
	run     string
}

func main() {
	namesrv := flag.String("namesrv", "127.0.0.1:9876", "address of the name server")
	broker := flag.String("broker", "127.0.0.1:10911", "address of the broker, for making topics")
	count := flag.Int("count", 100, "messages per scenario")
	flag.Parse()
	rlog.SetLogLevel("fatal")

	c := &cluster{*namesrv, *broker, *count, fmt.Sprintf("%x", time.Now().UnixMilli()&0xfffffff)}
	failed := false
	for _, scenario := range []struct {
		name string
		body func(topic string) error
	}{
		{"go.sync", c.sync},
		{"go.async", c.async},
		{"go.oneway", c.oneway},
		{"go.tags", c.tags},
		{"go.cluster", c.twoMembers},
	} {
		start := time.Now()
		topic := "it_" + c.run + "_" + strings.ReplaceAll(scenario.name, ".", "_")
		err := c.createTopic(topic)
		if err == nil {
			err = scenario.body(topic)
		}
		millis := time.Since(start).Milliseconds()
		if err != nil {
			failed = true
			fmt.Printf("FAIL %s %d ms: %v\n", scenario.name, millis, err)
		} else {
			fmt.Printf("PASS %s %d ms\n", scenario.name, millis)
		}
	}
	if failed {
		os.Exit(1)
	}
}

func (c *cluster) createTopic(topic string) error {
	a, err := admin.NewAdmin(admin.WithResolver(primitive.NewPassthroughResolver([]string{c.namesrv})))
	if err != nil {
		return err
	}
	defer a.Close()
	return a.CreateTopic(context.Background(), admin.WithTopicCreate(topic), admin.WithBrokerAddrCreate(c.broker),
		admin.WithReadQueueNums(4), admin.WithWriteQueueNums(4))
}

func (c *cluster) producer(topic string) (rocketmq.Producer, error) {
	p, err := rocketmq.NewProducer(
		producer.WithNsResolver(primitive.NewPassthroughResolver([]string{c.namesrv})),
		producer.WithGroupName(topic+"_p"), producer.WithInstanceName(topic+"_p"),
		producer.WithSendMsgTimeout(10*time.Second), producer.WithRetry(2))
	if err != nil {
		return nil, err
	}
	return p, p.Start()
}

// inbox counts deliveries by key.
type inbox struct {
	mutex sync.Mutex
	keys  map[string]int
	wrong string
}

func (i *inbox) size() int {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	return len(i.keys)
}

func (c *cluster) consumer(topic, instance string, selector consumer.MessageSelector, in *inbox) (
	rocketmq.PushConsumer, error) {
	pc, err := rocketmq.NewPushConsumer(
		consumer.WithNsResolver(primitive.NewPassthroughResolver([]string{c.namesrv})),
		consumer.WithGroupName(topic+"_g"), consumer.WithInstance(topic+instance),
		consumer.WithConsumerModel(consumer.Clustering),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset))
	if err != nil {
		return nil, err
	}
	err = pc.Subscribe(topic, selector, func(_ context.Context, messages ...*primitive.MessageExt) (
		consumer.ConsumeResult, error) {
		in.mutex.Lock()
		defer in.mutex.Unlock()
		for _, m := range messages {
			in.keys[m.GetKeys()]++
			if want := "body of " + m.GetKeys(); string(m.Body) != want {
				in.wrong = fmt.Sprintf("body <%s>, want <%s>", m.Body, want)
			}
			if m.GetProperty("größe") != "ü"+m.GetKeys() {
				in.wrong = fmt.Sprintf("property <%s>", m.GetProperty("größe"))
			}
		}
		return consumer.ConsumeSuccess, nil
	})
	if err != nil {
		return nil, err
	}
	return pc, pc.Start()
}

func message(topic, tag string, index int) *primitive.Message {
	key := fmt.Sprintf("k%d", index)
	m := primitive.NewMessage(topic, []byte("body of "+key))
	m.WithTag(tag).WithKeys([]string{key})
	m.WithProperty("größe", "ü"+key)
	return m
}

// receive consumes until count keys came (or 30 s went by) and checks them.
func (c *cluster) receive(topic string, selector consumer.MessageSelector, count int) error {
	in := &inbox{keys: map[string]int{}}
	pc, err := c.consumer(topic, "_c", selector, in)
	if err != nil {
		return err
	}
	defer pc.Shutdown()
	return in.await(count)
}

func (i *inbox) await(count int) error {
	for end := time.Now().Add(45 * time.Second); i.size() < count; {
		if time.Now().After(end) {
			return fmt.Errorf("received %d of %d messages", i.size(), count)
		}
		time.Sleep(50 * time.Millisecond)
	}
	i.mutex.Lock()
	defer i.mutex.Unlock()
	if i.wrong != "" {
		return fmt.Errorf("%s", i.wrong)
	}
	if len(i.keys) != count {
		return fmt.Errorf("received %d different keys, want %d", len(i.keys), count)
	}
	return nil
}

func all() consumer.MessageSelector {
	return consumer.MessageSelector{Type: consumer.TAG, Expression: "*"}
}

// sync: every send is SEND_OK with an offset; all arrive.
func (c *cluster) sync(topic string) error {
	p, err := c.producer(topic)
	if err != nil {
		return err
	}
	defer p.Shutdown()
	for i := 0; i < c.count; i++ {
		result, err := p.SendSync(context.Background(), message(topic, "TagA", i))
		if err != nil {
			return err
		}
		if result.Status != primitive.SendOK || result.QueueOffset < 0 || result.OffsetMsgID == "" {
			return fmt.Errorf("result %v", result)
		}
	}
	return c.receive(topic, all(), c.count)
}

// async: every callback reports success; all arrive.
func (c *cluster) async(topic string) error {
	p, err := c.producer(topic)
	if err != nil {
		return err
	}
	defer p.Shutdown()
	replies := make(chan error, c.count)
	for i := 0; i < c.count; i++ {
		err := p.SendAsync(context.Background(), func(_ context.Context, result *primitive.SendResult, err error) {
			if err == nil && result.Status != primitive.SendOK {
				err = fmt.Errorf("result %v", result)
			}
			replies <- err
		}, message(topic, "TagA", i))
		if err != nil {
			return err
		}
	}
	for i := 0; i < c.count; i++ {
		select {
		case err := <-replies:
			if err != nil {
				return err
			}
		case <-time.After(15 * time.Second):
			return fmt.Errorf("%d of %d callbacks", i, c.count)
		}
	}
	return c.receive(topic, all(), c.count)
}

// oneway: no reply; all arrive.
func (c *cluster) oneway(topic string) error {
	p, err := c.producer(topic)
	if err != nil {
		return err
	}
	defer p.Shutdown()
	for i := 0; i < c.count; i++ {
		if err := p.SendOneWay(context.Background(), message(topic, "TagA", i)); err != nil {
			return err
		}
	}
	return c.receive(topic, all(), c.count)
}

// tags: a filter on two of three tags.
func (c *cluster) tags(topic string) error {
	p, err := c.producer(topic)
	if err != nil {
		return err
	}
	defer p.Shutdown()
	for i := 0; i < 3*c.count/3; i++ {
		if _, err := p.SendSync(context.Background(), message(topic, []string{"A", "B", "C"}[i%3], i)); err != nil {
			return err
		}
	}
	want := (c.count+2)/3 + (c.count+1)/3
	return c.receive(topic, consumer.MessageSelector{Type: consumer.TAG, Expression: "A || B"}, want)
}

// twoMembers: two members of one group get everything together, both a share.
func (c *cluster) twoMembers(topic string) error {
	p, err := c.producer(topic)
	if err != nil {
		return err
	}
	defer p.Shutdown()
	left, right := &inbox{keys: map[string]int{}}, &inbox{keys: map[string]int{}}
	first, err := c.consumer(topic, "_c1", all(), left)
	if err != nil {
		return err
	}
	defer first.Shutdown()
	second, err := c.consumer(topic, "_c2", all(), right)
	if err != nil {
		return err
	}
	defer second.Shutdown()
	sent := 0
	for end := time.Now().Add(45 * time.Second); right.size() == 0 || left.size() == 0; {
		if time.Now().After(end) {
			return fmt.Errorf("shares %d and %d", left.size(), right.size())
		}
		for i := 0; i < 4; i++ {
			if _, err := p.SendSync(context.Background(), message(topic, "TagA", sent)); err != nil {
				return err
			}
			sent++
		}
		time.Sleep(200 * time.Millisecond)
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		together := map[string]bool{}
		for _, in := range []*inbox{left, right} {
			in.mutex.Lock()
			for key := range in.keys {
				together[key] = true
			}
			in.mutex.Unlock()
		}
		if len(together) == sent {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("received %d of %d messages together", len(together), sent)
		}
	}
}
