//! Signatures: HMAC-SHA1 over the values of a header's fields in the order of their names, and
//! the body behind them.
//!
//! Called for every request where access control is on: nothing is allocated up to 32 fields, the
//! key's part of the hash is computed once per account, and signatures are compared in constant
//! time.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// The field that names the account.
pub const ACCESS_KEY: &str = "AccessKey";
/// The field with the signature; the only one that is never signed.
pub const SIGNATURE: &str = "Signature";
/// The field of a temporary token that some installations ask for.
pub const SECURITY_TOKEN: &str = "SecurityToken";
/// A field that brokers up to 5.0 leave out of the signature and clients sign.
const UNIQUE_KEY_QUERY: &[u8] = b"_UNIQUE_KEY_QUERY";

/// Bytes of a signature before base64.
const SIGNATURE_BYTES: usize = 20;
/// Fields that are sorted without allocation.
const INLINE: usize = 32;

/// A secret key, ready to sign.
#[derive(Clone)]
pub struct Secret(Hmac<Sha1>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl Secret {
    /// Prepares a key.
    pub fn new(key: &str) -> Secret {
        Secret(Hmac::new_from_slice(key.as_bytes()).expect("a key of any length will do"))
    }

    /// The signature of `fields` and `body`, in base64.
    pub fn sign<'a>(
        &self,
        fields: impl Iterator<Item = (&'a [u8], &'a [u8])>,
        body: &[u8],
    ) -> String {
        let mac = with_sorted(fields, |sorted| self.mac(sorted, body, true));
        STANDARD.encode(mac.finalize().into_bytes())
    }

    /// Whether `signature` is that of `fields` and `body`. Brokers and clients of different
    /// releases disagree about one field; both ways of signing are taken.
    pub fn verify<'a>(
        &self,
        signature: &[u8],
        fields: impl Iterator<Item = (&'a [u8], &'a [u8])>,
        body: &[u8],
    ) -> bool {
        let mut given = [0; SIGNATURE_BYTES + 2];
        let Ok(SIGNATURE_BYTES) = STANDARD.decode_slice(signature, &mut given) else {
            return false;
        };
        let given = &given[..SIGNATURE_BYTES];
        with_sorted(fields, |sorted| {
            if self.mac(sorted, body, true).verify_slice(given).is_ok() {
                return true;
            }
            sorted.iter().any(|field| field.name == UNIQUE_KEY_QUERY)
                && self.mac(sorted, body, false).verify_slice(given).is_ok()
        })
    }

    fn mac(&self, sorted: &[Field<'_>], body: &[u8], all: bool) -> Hmac<Sha1> {
        let mut mac = self.0.clone();
        for (at, field) in sorted.iter().enumerate() {
            // Of a name that was sent twice the last one counts, as everywhere.
            let is_last = sorted.get(at + 1).is_none_or(|next| next.name != field.name);
            let is_signed = field.name != SIGNATURE.as_bytes();
            if is_last && is_signed && (all || field.name != UNIQUE_KEY_QUERY) {
                mac.update(field.value);
            }
        }
        mac.update(body);
        mac
    }
}

#[derive(Clone, Copy, Default)]
struct Field<'a> {
    name: &'a [u8],
    at: usize,
    value: &'a [u8],
}

/// Lends the fields in the order of their names.
fn with_sorted<'a, T>(
    fields: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    then: impl FnOnce(&[Field<'a>]) -> T,
) -> T {
    let mut inline = [Field::default(); INLINE];
    let mut many = Vec::new();
    let mut count = 0;
    for (at, (name, value)) in fields.enumerate() {
        let field = Field { name, at, value };
        match inline.get_mut(at) {
            Some(place) => *place = field,
            None => {
                if many.is_empty() {
                    many.extend_from_slice(&inline);
                }
                many.push(field);
            }
        }
        count = at + 1;
    }
    let sorted = if many.is_empty() { &mut inline[..count] } else { &mut many[..] };
    sorted.sort_unstable_by(|a, b| a.name.cmp(b.name).then(a.at.cmp(&b.at)));
    then(sorted)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Pair = (&'static [u8], &'static [u8]);

    #[test]
    fn the_signature_is_javas() {
        let secret = Secret::new("12345678");
        let fields: [Pair; 4] =
            [(b"topic", b"T"), (b"AccessKey", b"RocketMQ"), (b"Signature", b"x"), (b"a", b"1")];
        assert_eq!(secret.sign(fields.into_iter(), b"body"), SIGNED_BY_JAVA);
        assert!(secret.verify(SIGNED_BY_JAVA.as_bytes(), fields.into_iter(), b"body"));
        assert!(!secret.verify(SIGNED_BY_JAVA.as_bytes(), fields.into_iter(), b"Body"));
        assert!(!secret.verify(b"", fields.into_iter(), b"body"));
        assert!(!secret.verify(b"AAAA", fields.into_iter(), b"body"));
        assert!(!Secret::new("12345679").verify(
            SIGNED_BY_JAVA.as_bytes(),
            fields.into_iter(),
            b"body"
        ));
    }

    /// `AclUtils.calSignature("RocketMQ1Tbody", "12345678")` of 4.9.7.
    const SIGNED_BY_JAVA: &str = "d/rW9hcJr4oi8PKUkBOUpClpFtg=";

    #[test]
    fn one_field_may_be_signed_or_not() {
        let secret = Secret::new("12345678");
        let with: [Pair; 2] = [(b"_UNIQUE_KEY_QUERY", b"true"), (b"topic", b"T")];
        let without: [Pair; 1] = [(b"topic", b"T")];
        for signed in [secret.sign(with.into_iter(), b""), secret.sign(without.into_iter(), b"")] {
            assert!(secret.verify(signed.as_bytes(), with.into_iter(), b""));
        }
        let signed = secret.sign(with.into_iter(), b"");
        assert!(!secret.verify(signed.as_bytes(), without.into_iter(), b""));
    }

    #[test]
    fn any_number_of_fields_and_the_last_of_a_name() {
        let secret = Secret::new("12345678");
        let names: Vec<String> = (0..50).map(|n| format!("n{n:02}")).collect();
        let forth = names.iter().map(|n| (n.as_bytes(), n.as_bytes()));
        let back = names.iter().rev().map(|n| (n.as_bytes(), n.as_bytes()));
        assert_eq!(secret.sign(forth, b""), secret.sign(back, b""));
        let twice: [Pair; 2] = [(b"a", b"1"), (b"a", b"2")];
        let once: [Pair; 1] = [(b"a", b"2")];
        assert_eq!(secret.sign(twice.into_iter(), b""), secret.sign(once.into_iter(), b""));
    }
}
