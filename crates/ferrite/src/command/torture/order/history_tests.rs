//! Histories that keep the rules are taken, and those that break one are not.

use proptest::prelude::*;

use super::*;

/// Steps of a group that consumes as it shall.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A queue's owner consumes its next message.
    Consume { queue: usize },
    /// It cannot consume it.
    Fail { queue: usize },
    /// It commits, and somebody sees that.
    Commit { queue: usize },
    /// The queue goes to another member, which begins where was committed.
    HandOver { queue: usize },
    /// The owner of the queue dies with a message in hand.
    Die { queue: usize },
    /// The broker is killed.
    Down,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => (0..2_usize).prop_map(|queue| Step::Consume { queue }),
        2 => (0..2_usize).prop_map(|queue| Step::Fail { queue }),
        3 => (0..2_usize).prop_map(|queue| Step::Commit { queue }),
        2 => (0..2_usize).prop_map(|queue| Step::HandOver { queue }),
        1 => (0..2_usize).prop_map(|queue| Step::Die { queue }),
        1 => Just(Step::Down),
    ]
}

#[derive(Clone, Copy, Default)]
struct Owned {
    member: usize,
    next: i64,
    committed: i64,
    /// What a killed broker remembers.
    saved: i64,
}

struct Group {
    events: Vec<Event>,
    queues: [Owned; 2],
    members: usize,
    now_ns: u64,
}

impl Group {
    fn new() -> Group {
        Group { events: Vec::new(), queues: [Owned::default(); 2], members: 1, now_ns: 0 }
    }

    fn push(&mut self, what: What) {
        self.now_ns += 1;
        self.events.push(Event { at_ns: self.now_ns, what });
    }

    fn delivery(&self, queue: usize) -> Delivery {
        let Owned { member, next, .. } = self.queues[queue];
        Delivery { member: format!("m{member}"), queue_id: queue as i32, offset: next }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Consume { queue } => {
                let delivery = self.delivery(queue);
                self.push(What::Begin(delivery.clone()));
                self.push(What::Done(delivery));
                self.queues[queue].next += 1;
            }
            Step::Fail { queue } => {
                let delivery = self.delivery(queue);
                self.push(What::Begin(delivery.clone()));
                self.push(What::Later(delivery));
            }
            Step::Commit { queue } => {
                let next = self.queues[queue].next;
                if next > self.queues[queue].committed {
                    self.queues[queue].committed = next;
                    self.push(What::Committed(queue as i32, next));
                }
            }
            Step::HandOver { queue } => {
                self.members += 1;
                let owned = &mut self.queues[queue];
                (owned.member, owned.next) = (self.members, owned.committed);
            }
            Step::Die { queue } => {
                let delivery = self.delivery(queue);
                let member = self.queues[queue].member;
                self.push(What::Begin(delivery.clone()));
                self.push(What::Dead(delivery.member));
                for at in 0..2 {
                    if self.queues[at].member == member {
                        self.take(Step::HandOver { queue: at });
                    }
                }
            }
            Step::Down => {
                self.push(What::Down);
                for owned in &mut self.queues {
                    // Its owner goes on, whatever the broker knows.
                    owned.committed = owned.saved;
                }
                self.now_ns += 2 * FORGOTTEN_NS;
                for owned in &mut self.queues {
                    owned.saved = owned.committed;
                }
            }
        }
    }

    /// Consumes what is left, so that the history has an end.
    fn finish(mut self) -> Vec<Event> {
        for queue in 0..2 {
            let most = self.events.iter().filter_map(|event| match &event.what {
                What::Done(d) if d.queue_id == queue as i32 => Some(d.offset + 1),
                _ => None,
            });
            let most = most.max().unwrap_or(0);
            while self.queues[queue].next < most + 3 {
                self.take(Step::Consume { queue });
            }
            self.push(What::Produced(queue as i32, most + 3));
        }
        self.events
    }
}

fn history(steps: &[Step]) -> Vec<Event> {
    let mut group = Group::new();
    steps.iter().for_each(|step| group.take(*step));
    group.finish()
}

proptest! {
    #[test]
    fn what_keeps_the_rules_is_taken(steps in prop::collection::vec(step(), 0..80)) {
        let events = history(&steps);
        let text: Vec<String> = events.iter().map(Event::to_string).collect();
        let read: Vec<Event> = text.iter().map(|line| Event::parse(line).unwrap()).collect();
        prop_assert_eq!(&read, &events);
        let summary = check(events);
        prop_assert!(summary.is_ok(), "{:?}", summary);
    }

    #[test]
    fn a_message_left_out_is_found(
        steps in prop::collection::vec(step(), 0..60),
        at in any::<prop::sample::Index>(),
    ) {
        let mut events = history(&steps);
        // Consumed once only, and never again.
        let once: Vec<Delivery> = events.iter().filter_map(|event| match &event.what {
            What::Done(delivery) => Some(delivery.clone()),
            _ => None,
        }).collect();
        let is_once = |d: &&Delivery| {
            once.iter().filter(|o| (o.queue_id, o.offset) == (d.queue_id, d.offset)).count() == 1
        };
        let candidates: Vec<&Delivery> = once.iter().filter(is_once).collect();
        let gone = candidates[at.index(candidates.len())].clone();
        events.retain(|event| match &event.what {
            What::Begin(d) | What::Done(d) | What::Later(d) =>
                (d.queue_id, d.offset) != (gone.queue_id, gone.offset),
            _ => true,
        });
        prop_assert!(check(events).is_err());
    }

    #[test]
    fn two_members_at_once_are_found(
        steps in prop::collection::vec(step(), 0..60),
        at in any::<prop::sample::Index>(),
    ) {
        let mut events = history(&steps);
        let begins: Vec<usize> = (0..events.len() - 1).filter(|at| {
            matches!(events[*at].what, What::Begin(_))
                && matches!(events[at + 1].what, What::Done(_) | What::Later(_))
        }).collect();
        let at = begins[at.index(begins.len())];
        let mut second = events[at].clone();
        if let What::Begin(delivery) = &mut second.what {
            delivery.member = "thief".to_owned();
        }
        events.insert(at + 1, second);
        prop_assert!(check(events).is_err());
    }

    #[test]
    fn a_repetition_of_what_was_committed_is_found(
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let mut group = Group::new();
        steps.iter().for_each(|step| group.take(*step));
        for step in [Step::Consume { queue: 0 }, Step::Consume { queue: 0 }] {
            group.take(step);
        }
        group.queues[0].committed = 0;
        let next = group.queues[0].next;
        prop_assume!(check(group.events.clone()).is_ok());
        group.push(What::Committed(0, next));
        prop_assume!(check(group.events.clone()).is_ok());
        group.queues[0].member = 77;
        group.queues[0].next = next - 1;
        group.take(Step::Consume { queue: 0 });
        prop_assert!(check(group.events).is_err());
    }
}

#[test]
fn each_rule_has_its_words() {
    let cases = [
        ("1 begin a 0 1", "0 is not consumed yet"),
        ("1 begin a 0 0\n2 begin b 0 0", "a has 0 in hand"),
        ("1 begin a 0 0\n2 done b 0 0", "does not have it in hand"),
        ("1 begin a 0 0\n2 dead a\n3 begin a 0 0", "the member is dead"),
        (
            "1 begin a 0 0\n2 done a 0 0\n3 begin a 0 1\n4 later a 0 1\n5 begin a 0 0\n\
             6 done a 0 0",
            "",
        ),
        ("1 begin a 0 0\n2 later a 0 0\n3 committed 0 1", "0 is not consumed yet"),
        ("1 begin a 0 0\n2 done a 0 0\n3 committed 0 1\n4 begin b 0 0", "1 was committed"),
        ("1 begin a 0 0\n2 done a 0 0\n3 committed 0 1\n4 down\n5 begin b 0 0\n6 done b 0 0", ""),
        ("1 begin a 0 0\n2 done a 0 0\n3 produced 0 2", "1 of 2 messages were consumed"),
    ];
    for (text, expected) in cases {
        let events = text.lines().map(|line| Event::parse(line).expect(line)).collect();
        match check(events) {
            Ok(_) => assert_eq!(expected, "", "{text}"),
            Err(why) => assert!(!expected.is_empty() && why.contains(expected), "{text}: {why}"),
        }
    }
    for bad in ["", "x begin a 0 0", "1 begin a 0", "1 down 2", "1 up"] {
        assert_eq!(Event::parse(bad), None, "{bad}");
    }
}
