//! Broker files as tutorials of 4.x show them.

use std::path::Path;
use std::process::Command;

/// B01 to B40: each key in each of its spellings is known; what changes nothing is said so, and
/// nothing is refused.
#[test]
fn every_key_of_the_tutorials_is_known() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../golden/config/tutorial-broker.conf")
        .canonicalize()
        .expect("the file");
    let check = Command::new(env!("CARGO_BIN_EXE_ferrite"))
        .args(["config", "check"])
        .arg(&file)
        .output()
        .expect("the binary runs");
    let text = String::from_utf8_lossy(&check.stdout).into_owned()
        + &String::from_utf8_lossy(&check.stderr);
    assert!(check.status.success(), "{text}");
    assert!(text.contains("45 keys of a broker; 0 errors"), "{text}");
    assert!(!text.contains("unknown"), "{text}");
}
