//! Options as the genuine programs have them, and errors that are better.

use super::Installation;

fn golden(name: &str) -> String {
    let path = package::repository().join("golden/command_line").join(name);
    std::fs::read_to_string(&path).expect("a golden file")
}

/// The keys of lines such as `2026-11-21 17:00:00 INFO main - key=value`.
fn keys(text: &str) -> Vec<String> {
    let line = |line: &str| {
        let (head, pair) = line.split_once(" INFO main - ").expect("Java's form");
        assert_eq!(head.len(), "2026-11-21 17:00:00".len(), "{line}");
        pair.split_once('=').expect("key=value").0.to_owned()
    };
    let mut keys: Vec<String> = Vec::new();
    for key in text.lines().map(line) {
        // Java prints keys that two of its classes have twice.
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

// Y04, Y05: what 5.3.3 prints.
#[test]
fn lists_and_help_are_those_of_java() {
    let here = Installation::new("options");
    for (script, option) in [("mqbroker", "-h"), ("mqnamesrv", "-h")] {
        let said = here.run(&[&format!("bin/{script}"), option]);
        assert_eq!((said.code, said.out), (0, golden(&format!("{script}{option}.txt"))));
    }
    for (script, option) in [("mqbroker", "-p"), ("mqbroker", "-m"), ("mqnamesrv", "-p")] {
        let said = here.run(&[&format!("bin/{script}"), option]);
        assert_eq!(said.code, 0, "{}", said.err);
        let (ours, java) = (keys(&said.out), keys(&golden(&format!("{script}{option}.txt"))));
        assert_eq!(ours[..java.len()], java, "{script} {option}");
        if option == "-m" {
            assert_eq!(ours.len(), java.len());
        }
    }
    let set = here.run(&["bin/mqbroker", "-p", "-c", "conf/2m-noslave/broker-b.properties"]);
    assert!(set.out.contains(" INFO main - brokerName=broker-b\n"), "{}", set.out);
    assert!(set.out.contains(" INFO main - fileReservedTime=48\n"));
    assert!(set.out.contains(" INFO main - sendMessageThreadPoolNums=2\n"), "Java's default");
}

// Every shipped file is sound, but for those that ask for what does not exist.
#[test]
fn shipped_configuration_is_checked() {
    let here = Installation::new("conf");
    let cases = [
        ("broker.conf", 0),
        ("namesrv.conf", 0),
        ("2m-noslave/broker-a.properties", 0),
        ("2m-noslave/broker-trace.properties", 0),
        ("2m-2s-async/broker-b.properties", 0),
        ("2m-2s-async/broker-b-s.properties", 1),
        ("2m-2s-sync/broker-a.properties", 1),
        ("dledger/broker-n0.conf", 1),
        ("controller/quick-start/namesrv.conf", 1),
        ("container/2container-2m-2s/broker-b-in-container2.conf", 1),
    ];
    for (file, code) in cases {
        let command = format!("exec bin/ferrite config check conf/{file}");
        let said = here.run(&["-c", &command]);
        assert_eq!(said.code, code, "{file}: {}{}", said.out, said.err);
        assert!(!said.out.contains("unknown key") || code == 1, "{file}: {}", said.out);
    }
    let differ = "exec bin/ferrite config diff conf/2m-2s-sync/broker-a.properties \
                  conf/2m-noslave/broker-b.properties";
    let said = here.run(&["-c", differ]);
    let expected = "brokerName: broker-a -> broker-b\n\
                    brokerRole: SYNC_MASTER -> ASYNC_MASTER (default)\n";
    assert_eq!((said.code, said.out.as_str()), (0, expected));
    let said = here.run(&["-c", "exec bin/ferrite config explain flushDiskTyp"]);
    assert!(said.code == 1 && said.err.contains("did you mean flushDiskType?"), "{}", said.err);
}

// A33, X02: the tutorials print a path without its slash. B11: roles that need replication.
#[test]
fn errors_name_what_is_wrong() {
    let here = Installation::new("errors");
    let cases: [(&[&str], &str); 6] = [
        (&["bin/mqbroker", "-c", "conf/2m-2s-syncbroker-a.properties"], "2m-2s-syncbroker-a"),
        (&["bin/mqnamesrv", "-c", "/no/such.conf"], "/no/such.conf"),
        (&["bin/mqbroker", "listenPort=many"], "listenPort: 'many' is not"),
        (&["bin/mqbroker", "--enable-proxy"], "there is no proxy yet"),
        (&["bin/mqbroker", "-c", "conf/2m-2s-sync/broker-a.properties"], "brokerRole"),
        (&["bin/mqbroker", "-c", "conf/2m-2s-async/broker-a-s.properties"], "brokerRole"),
    ];
    for (arguments, text) in cases {
        let said = here.run(arguments);
        assert_ne!(said.code, 0, "{arguments:?}");
        assert!(said.err.contains(text), "{arguments:?}: {}{}", said.out, said.err);
    }
}

// Roles that are not there yet say so and fail.
#[test]
fn what_does_not_exist_says_so() {
    let here = Installation::new("absent");
    for script in [
        "bin/mqcontroller",
        "bin/mqproxy",
        "bin/mqbrokercontainer",
        "bin/startfsrv.sh",
        "bin/dledger/fast-try.sh",
        "bin/controller/fast-try.sh",
    ] {
        let said = here.run(&[script]);
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{script}");
        assert!(said.err.contains(" no ") || said.err.contains("cannot"), "{script}: {}", said.err);
    }
    let said = here.run(&["bin/tools.sh", "org.apache.rocketmq.Nowhere"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("no such class here"), "{}", said.err);
}
