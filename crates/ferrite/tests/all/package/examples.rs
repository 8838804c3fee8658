//! The way every tutorial begins: name server, broker, a producer, a consumer, shut down.

use super::{Installation, SMALL, ended, started};
use crate::until::until;

// A07, A13, A19, A22, A23, A24, A26, A28, A35, A36, A38, A41, A42, A43; A17: the store's place;
// A11: both are small.
#[test]
fn a_single_master_sends_and_consumes() {
    let here = Installation::new("single");
    let mut name_server = here.name_server();
    let address = name_server.address();
    assert!(
        name_server.boot_line.starts_with("The Name Server boot success. serializeType=JSON"),
        "{}",
        name_server.boot_line
    );
    let mut broker = here.broker(&address);
    assert!(broker.boot_line.starts_with("The broker["), "{}", broker.boot_line);
    let end = format!("] boot success. serializeType=JSON and name server is {address}");
    assert!(broker.boot_line.ends_with(&end), "{}", broker.boot_line);
    assert!(here.home.join("store/lock").exists());
    until("the broker is registered", || here.log("broker.log").contains("to name server"));
    let registered = format!("register broker[0]to name server {address} OK");
    assert!(here.log("broker.log").contains(&registered));
    until("the name server says so", || here.log("namesrv.log").contains("new broker registered"));

    let tool = |class: &str| {
        let class = format!("org.apache.rocketmq.example.{class}");
        let mut command = here.sh(&["bin/tools.sh", &class]);
        command.env("NAMESRV_ADDR", &address);
        command
    };
    let produced = ended(tool("quickstart.Producer"));
    let sent = produced.out.lines();
    let sent = sent.filter(|line| line.starts_with("SendResult [sendStatus=SEND_OK, msgId="));
    assert_eq!(sent.count(), 1000, "{} {}", produced.out, produced.err);

    let out = here.home.join("consumer.out");
    let file = std::fs::File::create(&out).expect("a file");
    let mut command = tool("quickstart.Consumer");
    let mut consumer = command.stdout(file).spawn().expect("sh runs");
    until("everything is consumed", || {
        let text = std::fs::read_to_string(&out).expect("its output");
        text.matches("Receive New Messages: [MessageExt [").count() >= 1000
    });
    consumer.kill().expect("it runs");
    consumer.wait().expect("it ends");
    let text = std::fs::read_to_string(&out).expect("its output");
    assert!(text.contains("ConsumeMessageThread_1 Receive New Messages: [MessageExt ["));
    assert!(text.contains("toString()=Message{topic='TopicTest', flag=0, properties={"));

    let pulled = ended(tool("simple.PullConsumer"));
    assert_eq!(pulled.out.matches("Consume from the queue: MessageQueue [").count(), 4);
    assert!(pulled.out.contains("PullResult [pullStatus=FOUND"), "{}", pulled.out);

    for (role, server) in [("broker", &mut broker), ("namesrv", &mut name_server)] {
        let pid = server.child.id();
        let most = memory_kib_max(pid);
        assert!(most < 256 * 1024, "{role}: {most} KiB");
        let stopped = here.run(&["bin/mqshutdown", role]);
        let expected = format!(
            "The mq{role}({pid}) is running...\nSend shutdown request to mq{role}({pid}) OK\n"
        );
        assert_eq!((stopped.code, stopped.out), (0, expected));
        assert_eq!(server.wait(), 0, "a clean end");
        let again = here.run(&["bin/mqshutdown", role]);
        assert_eq!((again.code, again.out), (1, format!("No mq{role} running.\n")));
    }
    assert!(!here.home.join("store/abort").exists(), "a clean stop removes it");
    assert!(here.log("broker.log").contains("the broker has stopped"));
    assert!(here.log("namesrv.log").contains("the name server has stopped"));
}

/// The most memory a process ever had, where the system says it.
fn memory_kib_max(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    most.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

// A09, A13, A19, A20, A25: by bare name through PATH, from bin/ itself, through a symbolic link,
// with nohup, with blanks in the path.
#[test]
fn scripts_work_however_they_are_called() {
    let here = Installation::new("with blanks");
    let bin = here.folder.join("bin");
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let elsewhere = here.home.join("elsewhere");
    std::fs::create_dir(&elsewhere).expect("made");
    let link = elsewhere.join("start-ns");
    std::os::unix::fs::symlink(bin.join("mqnamesrv"), &link).expect("linked");
    let relative = elsewhere.join("start-again");
    std::os::unix::fs::symlink("start-ns", &relative).expect("linked");

    let ways: [(&str, &std::path::Path); 5] = [
        ("mqnamesrv listenPort=0", &elsewhere),
        ("sh mqnamesrv listenPort=0", &bin),
        ("nohup sh bin/mqnamesrv listenPort=0", &here.folder),
        ("./start-ns listenPort=0", &elsewhere),
        ("sh start-again listenPort=0", &elsewhere),
    ];
    for (way, folder) in ways {
        let exec = format!("exec {way}");
        let mut command = here.sh(&["-c", &exec]);
        command.current_dir(folder).env("PATH", &path);
        let server = started(command, &here.home);
        assert!(server.boot_line.contains("boot success"), "{way}");
        let words = format!("/proc/{}/cmdline", server.child.id());
        let words = std::fs::read_to_string(words).unwrap_or_default();
        // What process lists are searched for.
        let is_shown = words.contains("org.apache.rocketmq.namesrv.NamesrvStartup");
        assert!(is_shown || cfg!(not(target_os = "linux")), "{way}: {words}");
    }
}

// A08, A10, A29, A30, A31, A32, A40, B79, B80: where things are set and which setting wins.
#[test]
fn settings_come_from_file_words_and_environment() {
    let here = Installation::new("settings");
    let name_server = here.name_server();
    let address = name_server.address();
    let conf = here.home.join("own.conf");
    let text = "# 注释\nbrokerName=from-file\nautoCreateTopicEnable=false\n";
    let written = std::fs::File::create(&conf)
        .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()));
    written.expect("written");
    let conf = conf.display().to_string();
    let start = |arguments: &[&str], environment: &[(&str, &str)]| {
        let arguments = [&["bin/mqbroker"], arguments, &SMALL].concat();
        let mut command = here.sh(&arguments);
        command.envs(environment.iter().copied());
        started(command, &here.home)
    };
    // -n and an absolute -c, and a word.
    let broker = start(&["-n", &address, "-c", &conf, "autoCreateTopicEnable=true"], &[]);
    assert!(broker.boot_line.starts_with("The broker[from-file, "), "{}", broker.boot_line);
    drop(broker);
    // A relative one, the name server from the environment, a home elsewhere.
    let environment = [("NAMESRV_ADDR", address.as_str()), ("ROCKETMQ_HOME", "/nowhere")];
    let broker = start(&["-c", "conf/2m-noslave/broker-b.properties"], &environment);
    assert!(broker.boot_line.starts_with("The broker[broker-b, "), "{}", broker.boot_line);
    assert!(broker.boot_line.ends_with(&address), "{}", broker.boot_line);
    drop(broker);
    // A11, A12, B81: heap sizes change nothing; -Duser.home and -Drocketmq.namesrv.addr do.
    let home = here.home.join("moved");
    let words =
        format!("-Xms256m -Duser.home={} -Drocketmq.namesrv.addr={address}", home.display());
    let broker = start(&["-c", &conf], &[("JAVA_OPT_EXT", &words), ("JAVA_OPT", "-server")]);
    assert!(broker.boot_line.ends_with(&address), "{}", broker.boot_line);
    assert!(home.join("store/lock").exists());
    assert!(home.join("logs/rocketmqlogs/broker.log").is_file());
}
