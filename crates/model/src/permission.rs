//! Permission bits of topics and brokers.

/// New topics may inherit from this one.
pub const INHERIT: i32 = 1;
/// Messages may be sent.
pub const WRITE: i32 = 1 << 1;
/// Messages may be pulled.
pub const READ: i32 = 1 << 2;

/// Whether messages may be pulled.
pub fn is_readable(permission: i32) -> bool {
    permission & READ == READ
}

/// Whether messages may be sent.
pub fn is_writeable(permission: i32) -> bool {
    permission & WRITE == WRITE
}

/// Whether new topics may inherit.
pub fn is_inherited(permission: i32) -> bool {
    permission & INHERIT == INHERIT
}

/// The bits as operators read them: `RW-`.
pub fn text(permission: i32) -> String {
    let letter = |bit: bool, letter: char| if bit { letter } else { '-' };
    [
        letter(is_readable(permission), 'R'),
        letter(is_writeable(permission), 'W'),
        letter(is_inherited(permission), 'X'),
    ]
    .iter()
    .collect()
}
