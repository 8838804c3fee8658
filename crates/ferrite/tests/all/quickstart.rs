//! `ferrite quickstart`: all messages arrive, and what goes wrong is said.

use std::process::{Command, Output};

fn quickstart(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ferrite"));
    command.arg("quickstart").args(args).output().expect("the binary runs")
}

#[test]
fn all_messages_arrive_and_pipes_get_plain_text() {
    let output = quickstart(&["--messages", "300"]);
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    assert!(text.contains("All 300 messages arrived exactly once"), "{text}");
    assert!(text.contains("Another group consumed the green ones only"), "{text}");
    assert!(!text.contains('\u{1b}') && errors.is_empty(), "{text}{errors}");
}

#[test]
fn an_unreachable_name_server_is_named() {
    let output = quickstart(&["--namesrv", "127.0.0.1:1"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        errors.contains("127.0.0.1:1") && errors.contains("no name server answers"),
        "{errors}"
    );
}
