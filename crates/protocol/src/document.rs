//! The document of all requests, generated from the tables.
//!
//! The binary's crate passes what it serves; without it the column says what is not known here.

use std::fmt::Write;

use crate::code::{RequestCodeRow, request_codes};
use crate::request::{FieldRow, row};

const HEAD: &str = "\
# Requests

Generated from the tables in `crates/protocol`; do not edit. `FERRITE_UPDATE=1 cargo test` rewrites
it.

Upstream: who serves the request in the Java servers. NS name server, BR broker, BRa the broker's
admin requests, v also on the fast port, CL client, CT controller, CT-raft inside the controller,
CO broker container, PX proxy, - nobody. Used by: 4 clients of 4.x, 5 clients of 5.x, P proxy,
A mqadmin, D dashboard, B servers among themselves, dead nobody. Fields: `?` may be absent, `->`
the fields of the reply.

| Code | Name | Upstream | Used by | Since | Served here | Fields |
|---:|---|---|---|---|---|---|
";

/// The document; `served` says of a request code what this project does with it.
pub fn request_document(served: impl Fn(i32) -> &'static str) -> String {
    let mut text = HEAD.to_owned();
    for code in request_codes() {
        let RequestCodeRow { code, name, served_by, used_by, since } = *code;
        let fields = row(code).map(|row| (row.fields, row.reply_fields)).unwrap_or_default();
        let fields = fields_text(fields.0, fields.1);
        let served = served(code);
        let cells = [name, served_by, used_by, since, served, &fields];
        // Writing to a string does not fail.
        let _ = writeln!(text, "| {code} | {} |", cells.join(" | "));
    }
    text
}

fn fields_text(fields: &[FieldRow], reply_fields: &[FieldRow]) -> String {
    let list = |fields: &[FieldRow]| {
        let one = |field: &FieldRow| {
            let mark = if field.required { "" } else { "?" };
            format!("{}{mark} {}", field.wire, field.kind)
        };
        fields.iter().map(one).collect::<Vec<_>>().join(", ")
    };
    match (fields.is_empty(), reply_fields.is_empty()) {
        (true, true) => String::new(),
        (false, true) => list(fields),
        (true, false) => format!("-> {}", list(reply_fields)),
        (false, false) => format!("{} -> {}", list(fields), list(reply_fields)),
    }
}
