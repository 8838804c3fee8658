//! The other scripts: benchmarks, kernel settings, both servers at once; and what holds for all.

use std::path::{Path, PathBuf};

use super::{Installation, SMALL, ended};

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.flat_map(|p| if p.is_dir() { files(&p) } else { vec![p] }).collect()
}

// A13: what sh and Windows' shell are given.
#[test]
fn every_script_is_posix_and_thin() {
    let here = Installation::new("syntax");
    let (mut posix, mut windows) = (0, 0);
    for path in [files(&here.folder.join("bin")), files(&here.folder.join("benchmark"))].concat() {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(text.lines().count() <= 110, "{name} is not thin");
        if name.ends_with(".cmd") {
            windows += 1;
            assert!(text.starts_with("@echo off\r\nrem "), "{name}");
            assert!(name == "ferrite-env.cmd" || text.contains("ferrite-env.cmd"), "{name}");
            continue;
        }
        posix += 1;
        let checked = here.run(&["-n", &path.display().to_string()]);
        assert_eq!((checked.code, checked.err.as_str()), (0, ""), "{name}");
        for word in ["[[", "function ", "echo -e", "local ", "source ", "$RANDOM", "<<<"] {
            assert!(!text.contains(word), "{name}: {word} is not POSIX");
        }
    }
    assert!(posix >= 30 && windows >= 9, "{posix} and {windows} scripts");
}

#[test]
fn kernel_settings_are_shown_without_root() {
    let here = Installation::new("kernel");
    let cases: [(&[&str], &str); 5] = [
        (&["bin/os.sh", "-n"], "sysctl -w vm.swappiness=1\n"),
        (&["bin/cleancache.sh", "-n"], "sysctl -w vm.drop_caches=3\n"),
        (&["bin/cleancache.v1.sh", "-n", "15"], "sysctl -w vm.min_free_kbytes=15000000\n"),
        (&["bin/setcache.sh", "-n", "3", "1"], "sysctl -w vm.extra_free_kbytes=3000000\n"),
        (&["bin/cachedog.sh", "-n"], "] nr_free_pages"),
    ];
    for (arguments, text) in cases {
        let said = here.run(arguments);
        let missing = said.err.contains("/proc/zoneinfo");
        assert!(said.out.contains(text) || missing, "{arguments:?}: {}{}", said.out, said.err);
    }
}

// play.sh, then the benchmarks, then export.sh's questions.
#[test]
fn both_servers_start_at_once_and_are_measured() {
    struct Stop(Installation);
    impl Drop for Stop {
        fn drop(&mut self) {
            // When the test failed half way; else nothing runs any more.
            self.0.run(&["bin/mqshutdown", "broker"]);
            self.0.run(&["bin/mqshutdown", "namesrv"]);
        }
    }
    let guard = Stop(Installation::new("play"));
    let here = &guard.0;
    let played = here.run(&[&["bin/play.sh"], &SMALL[..]].concat());
    let address = played.out.trim().rsplit(' ').next().unwrap_or_default().to_owned();
    assert!(
        played.out.starts_with("Start Name Server and Broker Successfully, 127.0.0.1:"),
        "{}{}",
        played.out,
        played.err
    );
    let measured = here.run(&[
        "benchmark/producer.sh",
        "-n",
        &address,
        "-t",
        "Bench",
        "-w",
        "8",
        "-s",
        "256",
        "-q",
        "500",
        "-p",
        "10",
        "--warmup-seconds",
        "0",
    ]);
    assert_eq!(measured.code, 0, "{}{}", measured.out, measured.err);
    assert!(measured.err.contains("no effect here: -p"), "{}", measured.err);
    let batches = here.run(&[
        "benchmark/batchproducer.sh",
        "-n",
        &address,
        "-t",
        "Bench",
        "-b",
        "4",
        "-w",
        "4",
        "--messages",
        "400",
        "--warmup-seconds",
        "0",
    ]);
    assert_eq!(batches.code, 0, "{}{}", batches.out, batches.err);
    let words = ["-n", &address, "-t", "Half", "-w", "4", "-s", "256", "--messages", "100"];
    let ended_well = here.run(&[&["benchmark/tproducer.sh"], &words[..]].concat());
    assert_eq!(ended_well.code, 0, "{}{}", ended_well.out, ended_well.err);
    assert!(ended_well.out.contains(": 100 committed in "), "{}", ended_well.out);
    let mut drained = here.sh(&["consumer.sh", "-t", "Bench", "-w", "1", "--messages", "500"]);
    drained.current_dir(here.folder.join("benchmark")).env("NAMESRV_ADDR", &address);
    let drained = ended(drained);
    assert_eq!(drained.code, 0, "{}{}", drained.out, drained.err);
    for role in ["broker", "namesrv"] {
        let stopped = here.run(&["bin/mqshutdown", role]);
        assert_eq!(stopped.code, 0, "{}", stopped.err);
    }
    let asked = here.run(&["bin/export.sh"]);
    assert_eq!((asked.code, asked.out.as_str()), (1, "Enter name server address list:"));
}
