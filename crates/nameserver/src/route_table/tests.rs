//! Tests of `route_table`.

use protocol::body::IntMap;
use protocol::body::route::TopicRouteData;

use super::*;

const SECOND_NS: u64 = 1_000_000_000;
const RW: i32 = 6;
const READ_ONLY: i32 = 4;

fn queues(count: i32, permission: i32) -> Queues {
    Queues { read: count, write: count, permission, sys_flag: 0 }
}

fn key(address: &str) -> BrokerKey {
    BrokerKey { cluster: "C".to_owned(), address: address.to_owned() }
}

/// Broker `id` of group `a` at `address`, with two topics of `count` queues in version `counter`.
fn registration(id: i64, address: &str, counter: i64) -> Registration {
    Registration {
        broker: key(address),
        broker_name: "a".to_owned(),
        broker_id: id,
        ha_address: format!("ha-{address}"),
        zone_name: None,
        timeout_ms: None,
        enable_acting_master: Some(false),
        data_version: DataVersion { state_version: 0, timestamp: 7, counter },
        topics: vec![("T".to_owned(), queues(4, RW)), ("U".to_owned(), queues(8, RW))],
        delete_missing: false,
        mappings: Vec::new(),
        filter_servers: Some(Vec::new()),
        connection: None,
    }
}

fn done(outcome: Registered) -> Option<Master> {
    match outcome {
        Registered::Done { master, .. } => master,
        other => panic!("refused: {other:?}"),
    }
}

fn route(table: &RouteTable, topic: &str) -> Option<TopicRouteData> {
    table.pick(topic, PickRules::default())
}

fn permission(table: &RouteTable, topic: &str) -> i32 {
    table.queues(topic).expect("a topic")["a"].permission
}

#[test]
fn a_route_names_queues_and_brokers() {
    // C32, D04.
    let mut table = RouteTable::new();
    assert_eq!(done(table.register(registration(0, "m:1", 0), 0)), None);
    let master = done(table.register(registration(1, "s:1", 0), 0)).expect("a slave's master");
    assert_eq!((master.address.as_str(), master.ha_address.as_str()), ("m:1", "ha-m:1"));

    let found = route(&table, "T").expect("a route");
    assert_eq!(found.queue_datas[0].read_queue_nums, 4);
    let addresses = [(0, "m:1".to_owned()), (1, "s:1".to_owned())];
    assert_eq!(found.broker_datas[0].broker_addrs, IntMap::from(addresses));
    assert!(found.order_topic_conf.is_none() && found.topic_queue_mapping_by_broker.is_none());
    // A65: a topic without a route.
    assert!(route(&table, "TopicTest1").is_none());
    assert_eq!(table.topic_names(), ["T", "U"]);
    assert_eq!(table.topic_names_of_cluster("C"), ["T", "U"]);
    assert!(table.topic_names_of_cluster("D").is_empty());
}

#[test]
fn an_unchanged_version_refreshes_the_time_alone() {
    let mut table = RouteTable::new();
    table.register(registration(0, "m:1", 0), 0);
    let mut again = registration(0, "m:1", 0);
    again.topics[0].1 = queues(99, RW);
    table.register(again.clone(), 100 * SECOND_NS);
    assert_eq!(table.queues("T").expect("a topic")["a"], queues(4, RW));
    assert!(table.expire(130 * SECOND_NS).0.is_empty() && table.has_live_brokers());

    again.data_version.counter = 1;
    table.register(again, 110 * SECOND_NS);
    assert_eq!(table.queues("T").expect("a topic")["a"], queues(99, RW));
}

#[test]
fn a_deleted_topic_returns_with_the_next_registration() {
    let mut table = RouteTable::new();
    table.register(registration(0, "m:1", 0), 0);
    table.delete_topic("T");
    assert_eq!(table.topic_names(), ["U"]);
    table.register(registration(0, "m:1", 0), 0);
    assert_eq!(table.topic_names(), ["T", "U"]);

    table.delete_topic_of_cluster("T", "other");
    assert_eq!(table.topic_names(), ["T", "U"]);
    table.delete_topic_of_cluster("T", "C");
    assert_eq!(table.topic_names(), ["U"]);
}

#[test]
fn topics_a_broker_no_longer_names_stay_unless_told_otherwise() {
    let mut table = RouteTable::new();
    table.register(registration(0, "m:1", 0), 0);
    let mut fewer = registration(0, "m:1", 1);
    fewer.topics.remove(0);
    table.register(fewer.clone(), 0);
    assert_eq!(table.topic_names(), ["T", "U"]);
    fewer.delete_missing = true;
    table.register(fewer, 0);
    assert_eq!(table.topic_names(), ["U"]);
}

#[test]
fn silent_brokers_leave_after_their_timeout() {
    // CL08: 120 s unless the broker says otherwise.
    let mut table = RouteTable::new();
    table.register(registration(0, "m:1", 0), 0);
    let mut quick = registration(1, "s:1", 0);
    quick.timeout_ms = Some(1000);
    table.register(quick, 0);
    table.expire(SECOND_NS);
    assert_eq!(table.groups()["a"].addresses.len(), 2);
    table.expire(SECOND_NS + 1_000_000);
    assert_eq!(table.groups()["a"].addresses.len(), 1);

    table.touch(&key("m:1"), 60 * SECOND_NS);
    table.expire(180 * SECOND_NS);
    assert!(route(&table, "T").is_some());
    table.expire(180 * SECOND_NS + 1_000_000);
    assert!(route(&table, "T").is_none() && table.clusters().is_empty());
    assert!(table.groups().is_empty() && !table.has_live_brokers());
}

#[test]
fn unregistering_takes_broker_topics_and_cluster() {
    let mut table = RouteTable::new();
    table.register(registration(0, "m:1", 0), 0);
    table.register(registration(1, "s:1", 0), 0);
    table.unregister(&key("m:1"), "a", 0);
    assert_eq!(table.groups()["a"].min_id(), Some(1));
    assert_eq!(permission(&table, "T"), RW);
    table.unregister(&key("s:1"), "a", 1);
    assert!(table.topic_names().is_empty() && table.clusters().is_empty());
    // Again, and of names that never were.
    assert_eq!(table.unregister(&key("s:1"), "a", 1), None);
}

#[test]
fn write_permission_is_wiped_and_added() {
    let mut table = RouteTable::new();
    table.register(registration(0, "m:1", 0), 0);
    assert_eq!(table.change_write_permission("b", WritePermission::Wipe), 0);
    assert_eq!(table.change_write_permission("a", WritePermission::Wipe), 2);
    assert_eq!(permission(&table, "T"), READ_ONLY);
    // A registration without a change does not undo it.
    table.register(registration(0, "m:1", 0), 0);
    assert_eq!(permission(&table, "T"), READ_ONLY);
    assert_eq!(table.change_write_permission("a", WritePermission::Add), 2);
    assert_eq!(permission(&table, "T"), RW);
}

#[test]
fn a_slave_that_became_master_has_one_entry() {
    let mut table = RouteTable::new();
    table.register(registration(0, "m:1", 0), 0);
    table.register(registration(1, "s:1", 0), 0);
    table.unregister(&key("m:1"), "a", 0);
    table.register(registration(0, "s:1", 1), 0);
    assert_eq!(table.groups()["a"].addresses, [(0, "s:1".to_owned())].into());
}

#[test]
fn an_older_state_does_not_take_an_id() {
    let mut table = RouteTable::new();
    let mut newer = registration(0, "m:1", 0);
    newer.data_version.state_version = 3;
    table.register(newer, 0);
    let older = registration(0, "m:2", 9);
    assert_eq!(table.register(older.clone(), 0), Registered::Superseded);
    assert_eq!(table.groups()["a"].addresses[&0], "m:1");
    // Without the other one it is welcome.
    table.expire(200 * SECOND_NS);
    done(table.register(older, 200 * SECOND_NS));
    assert_eq!(table.groups()["a"].addresses[&0], "m:2");
}

#[test]
fn a_single_topic_follows_the_others() {
    let mut table = RouteTable::new();
    let mut single = registration(0, "m:1", 1);
    single.topics = vec![("V".to_owned(), queues(1, RW))];
    assert_eq!(table.register(single.clone(), 0), Registered::NotRegistered);
    assert!(table.groups().is_empty() && table.clusters().is_empty());
    table.register(registration(0, "m:1", 0), 0);
    done(table.register(single, 0));
    assert_eq!(table.topic_names(), ["T", "U", "V"]);
}

#[test]
fn topics_may_come_in_parts_of_one_version() {
    let mut table = RouteTable::new();
    table.register(registration(0, "m:1", 0), 0);
    let mut second = registration(0, "m:1", 0);
    second.topics = vec![("V".to_owned(), queues(1, RW)), ("W".to_owned(), queues(1, RW))];
    table.register(second, 0);
    assert_eq!(table.topic_names(), ["T", "U", "V", "W"]);
}

#[test]
fn a_topic_may_be_registered_alone() {
    let mut table = RouteTable::new();
    table.register(registration(0, "m:1", 0), 0);
    let unknown = [("a".to_owned(), queues(1, RW)), ("b".to_owned(), queues(1, RW))];
    assert!(!table.register_topic("V", &unknown));
    assert!(table.queues("V").is_none());
    assert!(table.register_topic("V", &unknown[..1]));
    assert_eq!(table.topic_names(), ["T", "U", "V"]);
}

#[test]
fn a_slave_stands_in_for_its_master() {
    let mut table = RouteTable::new();
    let acting = |id, address: &str, counter| {
        let mut one = registration(id, address, counter);
        one.enable_acting_master = Some(true);
        one
    };
    table.register(acting(0, "m:1", 0), 0);
    table.register(acting(2, "s:2", 0), 0);
    table.register(acting(3, "s:3", 0), 0);
    let change = table.unregister(&key("m:1"), "a", 0).expect("the smallest id left");
    assert_eq!((change.min_broker_id, change.min_broker_addr.as_str()), (2, "s:2"));
    assert_eq!(change.offline_broker_addr.as_deref(), Some("m:1"));
    assert_eq!(change.tell, ["s:2", "s:3"]);
    assert_eq!(permission(&table, "T"), READ_ONLY);

    let shown = |support| {
        let rules = PickRules { support_acting_master: support, order_topic_conf: None };
        let route = table.pick("T", rules).expect("a route");
        route.broker_datas[0].broker_addrs.0.clone()
    };
    assert_eq!(shown(false), [(2, "s:2".to_owned()), (3, "s:3".to_owned())].into());
    assert_eq!(shown(true), [(0, "s:2".to_owned()), (3, "s:3".to_owned())].into());

    // The stand-in's own registration stays read-only; the master's return is told.
    table.register(acting(2, "s:2", 5), 0);
    assert_eq!(permission(&table, "T"), READ_ONLY);
    let Registered::Done { change: Some(change), .. } = table.register(acting(0, "m:1", 6), 0)
    else {
        panic!("the smallest id changed");
    };
    assert_eq!(change.min_broker_id, 0);
    assert_eq!(change.ha_broker_addr.as_deref(), Some("ha-m:1"));
    assert_eq!(change.tell, ["s:2", "s:3"]);
    assert_eq!(permission(&table, "T"), RW);
}

#[test]
fn unit_topics_are_told_by_their_flags() {
    let mut table = RouteTable::new();
    let mut new = registration(0, "m:1", 0);
    let flagged = |flag| Queues { sys_flag: flag, ..queues(1, RW) };
    new.topics = (0..4).map(|flag| (format!("T{flag}"), flagged(flag))).collect();
    table.register(new, 0);
    assert_eq!(table.unit_topic_names(UnitTopics::Unit), ["T1", "T3"]);
    assert_eq!(table.unit_topic_names(UnitTopics::UnitSubscription), ["T2", "T3"]);
    assert_eq!(table.unit_topic_names(UnitTopics::UnitSubscriptionOnly), ["T2"]);
}

#[test]
fn static_topics_carry_their_mapping() {
    let mut table = RouteTable::new();
    let mut new = registration(0, "m:1", 0);
    new.mappings = vec![TopicQueueMappingInfo {
        topic: Some("T".to_owned()),
        broker_name: Some("a".to_owned()),
        total_queues: 8,
        ..TopicQueueMappingInfo::default()
    }];
    table.register(new, 0);
    let found = route(&table, "T").expect("a route");
    let mappings = found.topic_queue_mapping_by_broker.expect("mappings");
    assert_eq!(mappings["a"].total_queues, 8);
    assert!(route(&table, "U").expect("a route").topic_queue_mapping_by_broker.is_none());
}

#[test]
fn filter_servers_stand_in_routes() {
    let mut table = RouteTable::new();
    let mut new = registration(0, "m:1", 0);
    new.filter_servers = Some(vec!["f:1".to_owned()]);
    table.register(new.clone(), 0);
    assert_eq!(route(&table, "T").expect("a route").filter_server_table["m:1"], ["f:1"]);
    new.filter_servers = None;
    table.register(new.clone(), 0);
    assert_eq!(route(&table, "T").expect("a route").filter_server_table.len(), 1);
    new.filter_servers = Some(Vec::new());
    table.register(new, 0);
    assert!(route(&table, "T").expect("a route").filter_server_table.is_empty());
}

#[test]
fn a_zone_sees_its_own_brokers_and_orphaned_slaves() {
    let mut table = RouteTable::new();
    for (name, id, zone) in [("a", 0, Some("Z1")), ("b", 0, Some("z2")), ("c", 1, None)] {
        let mut new = registration(id, &format!("{name}:1"), 0);
        new.broker_name = name.to_owned();
        new.zone_name = zone.map(str::to_owned);
        table.register(new, 0);
    }
    let both = [("a".to_owned(), queues(1, RW)), ("c".to_owned(), queues(1, RW))];
    table.register_topic("T", &both);
    let mut found = route(&table, "T").expect("a route");
    assert_eq!(found.queue_datas.len(), 3);
    keep_zone(&mut found, "Z2");
    let names = |found: &TopicRouteData| {
        found.broker_datas.iter().map(|b| b.broker_name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&found), ["b", "c"]);
    assert_eq!(found.queue_datas.len(), 2);
}

#[test]
fn a_kept_answer_lasts_until_its_topic_changes() {
    let mut table = RouteTable::new();
    table.register(registration(0, "m:1", 0), 0);
    let mut made = 0;
    let mut ask = |table: &mut RouteTable, topic: &str, form| {
        let make = |_: &RouteTable| {
            made += 1;
            Some(vec![])
        };
        assert_eq!(table.route_body(topic, form, make).is_some(), topic != "nothing");
        made
    };
    assert_eq!(ask(&mut table, "T", Form::Strict), 1);
    assert_eq!(ask(&mut table, "T", Form::Strict), 1);
    assert_eq!(ask(&mut table, "T", Form::Loose), 2);
    assert_eq!(ask(&mut table, "nothing", Form::Loose), 2);
    // Signs of life change no answer, other topics none of this one.
    table.register(registration(0, "m:1", 0), SECOND_NS);
    table.register_topic("U", &[("a".to_owned(), queues(9, RW))]);
    assert_eq!(ask(&mut table, "T", Form::Strict), 2);
    assert_eq!(ask(&mut table, "U", Form::Strict), 3);
    // Permissions, queues, brokers and settings do.
    table.change_write_permission("a", WritePermission::Wipe);
    assert_eq!(ask(&mut table, "T", Form::Strict), 4);
    table.register_topic("T", &[("a".to_owned(), queues(9, RW))]);
    assert_eq!(ask(&mut table, "T", Form::Strict), 5);
    table.register(registration(1, "s:1", 0), SECOND_NS);
    assert_eq!(ask(&mut table, "T", Form::Strict), 6);
    table.forget_forms();
    assert_eq!(ask(&mut table, "T", Form::Strict), 7);
}
