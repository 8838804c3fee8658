//! What goes away: deleted topics, also across `kill -9`; cleaning by request; its settings
//! (D18, D19, G25).

use crate::peer::Peer;
use crate::servers::Server;

fn send(peer: &mut Peer, topic: &str, body: &str) -> i32 {
    let fields = [("a", "p"), ("b", topic), ("c", "TBW102"), ("d", "1"), ("e", "0"), ("i", "")];
    peer.ask(310, &fields, body.as_bytes()).code
}

fn max_offset(peer: &mut Peer, topic: &str) -> String {
    let answer = peer.ask(30, &[("topic", topic), ("queueId", "0")], &[]);
    answer.field("offset").to_owned()
}

#[test]
fn a_deleted_topic_is_gone_after_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, address) = Server::broker(folder.path(), "", &[]);
    let mut peer = Peer::connect(&address);
    for number in 0..20 {
        assert_eq!(send(&mut peer, "Gone", &number.to_string()), 0);
        assert_eq!(send(&mut peer, "Anew", &number.to_string()), 0);
        assert_eq!(send(&mut peer, "Stays", &number.to_string()), 0);
    }
    for topic in ["Gone", "Anew"] {
        assert_eq!(peer.ask(215, &[("topic", topic)], &[]).code, 0);
        assert_eq!(max_offset(&mut peer, topic), "0");
    }
    assert_eq!(send(&mut peer, "Anew", "again"), 0);
    server.kill();
    for _ in 0..2 {
        let (server, address) = Server::broker(folder.path(), "", &[]);
        let mut peer = Peer::connect(&address);
        assert_eq!(peer.ask(351, &[("topic", "Gone")], &[]).code, 17);
        let offsets = ["Gone", "Anew", "Stays"].map(|topic| max_offset(&mut peer, topic));
        assert_eq!(offsets, ["0", "1", "20"]);
        server.kill();
    }
}

/// B14, B15, B20: set while running, shown, and refused when they make no sense. B18: not so.
#[test]
fn cleaning_is_done_by_request_and_set_while_running() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_server, address) = Server::broker(folder.path(), "", &[]);
    let mut peer = Peer::connect(&address);
    assert_eq!(send(&mut peer, "Used", "x"), 0);
    for code in [306, 316, 329] {
        let answer = peer.ask(code, &[], &[]);
        assert_eq!((answer.code, answer.remark.as_str()), (0, ""));
    }
    assert_eq!(max_offset(&mut peer, "Used"), "1");
    let set = |peer: &mut Peer, text: &str| peer.ask(25, &[], text.as_bytes());
    for text in ["fileReservedTime=1", "deleteWhen=03;15\ndiskMaxUsedSpaceRatio=80"] {
        assert_eq!(set(&mut peer, text).code, 0, "{text}");
    }
    let shown = String::from_utf8(peer.ask(26, &[], &[]).body).expect("UTF-8");
    for line in ["fileReservedTime=1", "deleteWhen=03;15", "diskMaxUsedSpaceRatio=80"] {
        assert!(shown.lines().any(|shown| shown == line), "{line}");
    }
    for (text, key) in [
        ("deleteWhen=25", "deleteWhen"),
        ("mappedFileSizeCommitLog=1024", "mappedFileSizeCommitLog"),
        ("enabledAppendPropCRC=true", "enabledAppendPropCRC"),
        ("destroyMapedFileIntervalForcibly=1", "destroyMapedFileIntervalForcibly"),
    ] {
        let answer = set(&mut peer, text);
        assert_eq!(answer.code, 29, "{text}");
        assert!(answer.remark.contains(key), "{}", answer.remark);
    }
}
