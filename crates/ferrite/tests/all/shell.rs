//! What shells and `man` are told: completion scripts and manual pages with every command.

use std::process::{Command, Output};

fn ferrite(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ferrite"));
    let output = command.args(args).output().expect("the binary runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

#[test]
fn completions_know_the_admin_commands_and_their_options() {
    for shell in ["bash", "zsh", "fish"] {
        let output = ferrite(&["completions", shell]);
        let text = String::from_utf8_lossy(&output.stdout);
        for word in ["quickstart", "top", "updateTopic", "consumerProgress", "readQueueNums"] {
            assert!(text.contains(word), "{shell}: {word}");
        }
    }
    // The shell itself has the last word where it is here.
    let script = ferrite(&["completions", "bash"]).stdout;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ferrite.bash");
    std::fs::File::create(&path)
        .and_then(|mut file| std::io::Write::write_all(&mut file, &script))
        .expect("written");
    let ask = "source \"$1\"; COMP_WORDS=(ferrite admin topicS); COMP_CWORD=2; \
               _ferrite ferrite topicS admin; echo \"${COMPREPLY[@]}\"";
    let bash = Command::new("bash").args(["-c", ask, "-"]).arg(&path).output();
    if let Ok(output) = bash {
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "topicStatus");
    }
}

#[test]
fn every_command_has_its_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("man1");
    ferrite(&["man", dir.to_str().expect("UTF-8")]);
    let pages: Vec<String> = std::fs::read_dir(&dir)
        .expect("a folder")
        .map(|file| file.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    for page in ["ferrite", "ferrite-broker", "ferrite-top", "ferrite-admin-consumerProgress"] {
        assert!(pages.contains(&format!("{page}.1")), "{page} is missing of {}", pages.len());
    }
    let page = dir.join("ferrite-admin-queryMsgByKey.1");
    let text = std::fs::read_to_string(page).expect("a page");
    assert!(text.contains("Query Message by Key") && text.contains("msgKey"), "{text}");
}
