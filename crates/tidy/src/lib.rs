//! Style and structure as tests: sizes, crate edges, banned words. The rules are in
//! `docs/STYLE.md`; `exceptions.txt` may only shrink.
