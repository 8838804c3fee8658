//! Macros that both kinds of rows use, those of headers and those of bodies.

/// The default of a row, or its type's.
macro_rules! default_value {
    () => {
        Default::default()
    };
    ($default:expr) => {
        $default
    };
}
