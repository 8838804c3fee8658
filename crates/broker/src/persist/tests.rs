//! State files cut short or half written.

use super::*;
use base::disk::write_atomically;
use model::topic::TopicConfig;
use testkit::disk::SimDisk;

const FOLDER: &str = "/s/config";

/// A folder whose `file` was written twice, so that there is a backup.
fn folder(file: StateFile, old: &[u8], new: &[u8]) -> SimDisk {
    let disk = SimDisk::new();
    disk.create_dir_all(Path::new(FOLDER)).unwrap();
    for bytes in [old, new] {
        write_atomically(&disk, &Path::new(FOLDER).join(file.name()), bytes).unwrap();
    }
    disk
}

fn topics(count: usize) -> Vec<u8> {
    let topics: Vec<TopicConfig> =
        (0..count).map(|i| TopicConfig::new(&format!("T{i}"), 4)).collect();
    let deleted = BTreeMap::from([("gone".to_owned(), 7)]);
    encode_topics(&topics, DataVersion::new(0), &deleted)
}

fn topics_in(disk: &SimDisk) -> Result<(usize, Vec<(String, i64)>), LoadError> {
    let found = read_topics(disk, Path::new(FOLDER))?;
    Ok((found.topics.len(), found.deleted))
}

#[test]
fn a_file_cut_short_anywhere_falls_back_to_the_one_before() {
    let (old, new) = (topics(1), topics(2));
    let deleted = vec![("gone".to_owned(), 7)];
    let disk = folder(StateFile::Topics, &old, &new);
    assert_eq!(topics_in(&disk).unwrap(), (2, deleted.clone()));
    let path = Path::new(FOLDER).join("topics.json");
    for len in 0..new.len() {
        for is_zero in [false, true] {
            let disk = folder(StateFile::Topics, &old, &new);
            // Cut, or of its length with the rest never written.
            disk.corrupt(&path, |bytes| match is_zero {
                true => bytes[len..].fill(0),
                false => bytes.truncate(len),
            });
            assert_eq!(topics_in(&disk).unwrap(), (1, deleted.clone()), "{len} {is_zero}");
        }
    }
    disk.remove_file(&path).unwrap();
    assert_eq!(topics_in(&disk).unwrap(), (1, deleted));
}

#[test]
fn two_bad_copies_are_refused_by_name_and_left_alone() {
    let bytes = b"{\"dataVersion\":{\"counter\":1},\"offsetTable\":{}}";
    for file in StateFile::ALL {
        let disk = folder(file, bytes, bytes);
        let path = Path::new(FOLDER).join(file.name());
        let backup = PathBuf::from(format!("{}.bak", path.display()));
        let parse = |disk: &SimDisk| {
            type Object = serde_json::Map<String, serde_json::Value>;
            read_with(disk, Path::new(FOLDER), file, fastjson::read::<Object>)
        };
        assert!(parse(&disk).unwrap().is_some());
        for cut in [0, 1, 20] {
            disk.corrupt(&path, |bytes| bytes.truncate(cut));
            disk.corrupt(&backup, |bytes| bytes.truncate(cut));
            let before = disk.contents();
            let why = parse(&disk).unwrap_err().to_string();
            assert!(why.contains(path.to_str().unwrap()) && why.contains(".bak"), "{why}");
            assert_eq!(disk.contents(), before);
        }
    }
}
