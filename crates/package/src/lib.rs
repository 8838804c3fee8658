//! The package: a folder with `bin/`, `benchmark/`, `conf/`, `lib/`, and an archive of it. Called
//! by `main` and by the tests of the scripts. Everything but the binary comes from `dist/` in the
//! repository; the same input gives the same bytes.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

/// Folders of `dist/` that go into the package.
const FOLDERS: [&str; 4] = ["bin", "benchmark", "conf", "lib"];
/// Files of the repository's root that do.
const FILES: [&str; 2] = ["LICENSE", "README.md"];
/// Modes in the package, whatever they are in the working copy.
const MODE_PROGRAM: u32 = 0o755;
const MODE_FILE: u32 = 0o644;

/// Name of the package's folder, with the version.
pub fn name() -> String {
    format!("ferritemq-{}", env!("CARGO_PKG_VERSION"))
}

/// The repository this crate was built from.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Makes the package's folder below `out`, afresh, and returns it.
///
/// # Errors
/// A file cannot be read or written; the error names it.
pub fn assemble(repository: &Path, binary: &Path, out: &Path) -> io::Result<PathBuf> {
    let folder = out.join(name());
    match fs::remove_dir_all(&folder) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(at(&folder, e)),
        _ => {}
    }
    for part in FOLDERS {
        copy_folder(&repository.join("dist").join(part), &folder.join(part))?;
    }
    for file in FILES {
        copy(&repository.join(file), &folder.join(file))?;
    }
    let program = if binary.extension().is_some() { "ferrite.exe" } else { "ferrite" };
    let program = folder.join("bin").join(program);
    fs::copy(binary, &program).map_err(|e| at(binary, e))?;
    set_mode(&program, MODE_PROGRAM)?;
    Ok(folder)
}

/// Writes `FOLDER.tar.gz` beside the folder and returns its path.
///
/// # Errors
/// A file cannot be read or written.
pub fn archive(folder: &Path) -> io::Result<PathBuf> {
    let mut path = folder.as_os_str().to_owned();
    path.push(".tar.gz");
    let path = PathBuf::from(path);
    let file = File::create(&path).map_err(|e| at(&path, e))?;
    let mut tar = tar::Builder::new(GzEncoder::new(file, Compression::default()));
    let top = PathBuf::from(folder.file_name().unwrap_or_default());
    append(&mut tar, folder, &top)?;
    tar.into_inner()?.finish()?.sync_all()?;
    Ok(path)
}

fn append<W: Write>(tar: &mut tar::Builder<W>, from: &Path, to: &Path) -> io::Result<()> {
    for path in sorted(from)? {
        let to = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            append(tar, &path, &to)?;
            continue;
        }
        let mut file = File::open(&path).map_err(|e| at(&path, e))?;
        let mut header = tar::Header::new_gnu();
        header.set_size(file.metadata()?.len());
        header.set_mode(mode_of(&path)?);
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        tar.append_data(&mut header, &to, &mut file)?;
    }
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to).map_err(|e| at(to, e))?;
    for path in sorted(from)? {
        let to = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() { copy_folder(&path, &to)? } else { copy(&path, &to)? }
    }
    Ok(())
}

/// Copies a text; scripts of Windows get its line ends, those of Unix may be run.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut text = fs::read(from).map_err(|e| at(from, e))?;
    if to.extension().is_some_and(|e| e == "cmd") {
        let lines = text.split_inclusive(|b| *b == b'\n');
        text = lines.flat_map(|line| [line.trim_ascii_end(), b"\r\n"].concat()).collect();
    }
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(|e| at(parent, e))?;
    }
    File::create(to).and_then(|mut file| file.write_all(&text)).map_err(|e| at(to, e))?;
    set_mode(to, mode_of(from)?)
}

/// What may be run: the binary and what names its shell.
fn mode_of(path: &Path) -> io::Result<u32> {
    let mut head = [0; 4];
    let read = File::open(path).and_then(|file| io::Read::read(&mut &file, &mut head));
    let read = read.map_err(|e| at(path, e))?;
    let is_program = head[..read].starts_with(b"#!") || head == *b"\x7fELF";
    Ok(if is_program { MODE_PROGRAM } else { MODE_FILE })
}

fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(|e| at(folder, e))?;
    let mut paths = entries.map(|e| e.map(|e| e.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(|e| at(path, e))
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: u32) -> io::Result<()> {
    Ok(())
}

fn at(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    // A01, A02, A03: bin, conf, lib; one command makes it; unpacked it is what was packed.
    #[test]
    fn the_folder_and_the_archive_hold_what_users_look_for() {
        let out = tempfile::tempdir().expect("a folder");
        let binary = out.path().join("some-binary");
        File::create(&binary).and_then(|mut f| f.write_all(b"\x7fELF")).expect("written");
        let folder = assemble(&repository(), &binary, out.path()).expect("assembled");
        for file in [
            "bin/ferrite",
            "bin/mqbroker",
            "bin/mqbroker.cmd",
            "benchmark/producer.sh",
            // A12
            "bin/runbroker.sh",
            "bin/runserver.sh",
            "conf/broker.conf",
            // A34
            "conf/2m-2s-sync/broker-a-s.properties",
            "conf/2m-2s-async/broker-b.properties",
            "lib/README",
            "LICENSE",
        ] {
            assert!(folder.join(file).is_file(), "{file}");
        }
        let windows = fs::read(folder.join("bin/mqbroker.cmd")).expect("read");
        assert!(windows.starts_with(b"@echo off\r\n"));
        let first = fs::read(archive(&folder).expect("packed")).expect("read");
        let again = assemble(&repository(), &binary, out.path()).expect("assembled again");
        let path = archive(&again).expect("packed again");
        assert!(first == fs::read(&path).expect("read"), "not the same bytes");

        let unpacked = out.path().join("unpacked");
        let gz = flate2::read::GzDecoder::new(File::open(&path).expect("there"));
        tar::Archive::new(gz).unpack(&unpacked).expect("a good archive");
        let script = unpacked.join(name()).join("bin/mqbroker");
        assert_eq!(mode_of(&script).expect("a script"), MODE_PROGRAM);
        assert_eq!(
            fs::read(&script).expect("read"),
            fs::read(folder.join("bin/mqbroker")).expect("read")
        );
    }
}
