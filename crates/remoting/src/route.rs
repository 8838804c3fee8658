//! The route table of a role: one row per request it serves, and the one place where requests are
//! decoded, handlers called, answers encoded and unknown codes refused.

use std::panic::{AssertUnwindSafe, catch_unwind};

use protocol::code::response_code;
use protocol::encode::FieldWriter;
use protocol::request::{Reply as ReplyFields, Request};

use crate::exchange::{Call, Exchange};

/// A peer-visible "no": the response code and the remark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// One of [`response_code`].
    pub code: i32,
    /// What people read; often Java's own text.
    pub remark: String,
}

impl Refusal {
    /// A refusal with `code` and `remark`.
    pub fn new(code: i32, remark: impl Into<String>) -> Refusal {
        Refusal { code, remark: remark.into() }
    }
}

/// A peer-visible "yes".
#[derive(Debug)]
pub struct Reply<R: Request> {
    /// The fields of the reply.
    pub header: R::Reply,
    /// The body, often JSON.
    pub body: Vec<u8>,
    /// A remark, rarely used.
    pub remark: Option<String>,
}

impl<R: Request> Reply<R> {
    /// A reply with fields only.
    pub fn header(header: R::Reply) -> Reply<R> {
        Reply { header, body: Vec::new(), remark: None }
    }

    /// A reply with a body and `header`.
    pub fn with_body(header: R::Reply, body: Vec<u8>) -> Reply<R> {
        Reply { header, body, remark: None }
    }
}

impl<R: Request> Reply<R>
where
    R::Reply: Default,
{
    /// A reply that only says it is done.
    pub fn done() -> Reply<R> {
        Reply::header(R::Reply::default())
    }

    /// A reply with a body only.
    pub fn body(body: Vec<u8>) -> Reply<R> {
        Reply::with_body(R::Reply::default(), body)
    }
}

/// What a typed handler returns, or why not.
pub type Answer<R> = Result<Reply<R>, Refusal>;

/// One row: a request and the function that serves it.
pub struct Route<S> {
    /// The request code.
    pub code: i32,
    /// The request's name.
    pub name: &'static str,
    /// Serves it: decodes, acts and answers (or keeps the reply handle).
    pub serve: fn(&mut S, &mut Exchange<'_>, &Call<'_>),
}

/// Decodes a request, calls its handler and encodes the answer.
pub fn serve<S, R: Request>(
    service: &mut S,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    handler: fn(&mut S, &mut Exchange<'_>, &Call<'_>, R) -> Answer<R>,
) {
    let to = call.reply_handle();
    let answer = match R::decode(&call.frame.fields) {
        Ok(request) => handler(service, exchange, call, request),
        Err(bad) => Err(Refusal::new(response_code::SYSTEM_ERROR, format!("{}: {bad}", R::NAME))),
    };
    match answer {
        Ok(reply) => exchange.reply(
            to,
            response_code::SUCCESS,
            reply.remark.as_deref(),
            |w: &mut FieldWriter<'_>| reply.header.encode(w),
            &reply.body,
        ),
        Err(refusal) => exchange.refuse(to, refusal.code, &refusal.remark),
    }
}

/// As [`serve`], for handlers that may answer later.
pub fn serve_later<S, R: Request>(
    service: &mut S,
    exchange: &mut Exchange<'_>,
    call: &Call<'_>,
    handler: fn(&mut S, &mut Exchange<'_>, &Call<'_>, R) -> Result<(), Refusal>,
) {
    let to = call.reply_handle();
    let result = match R::decode(&call.frame.fields) {
        Ok(request) => handler(service, exchange, call, request),
        Err(bad) => Err(Refusal::new(response_code::SYSTEM_ERROR, format!("{}: {bad}", R::NAME))),
    };
    if let Err(refusal) = result {
        exchange.refuse(to, refusal.code, &refusal.remark);
    }
}

/// Builds a role's rows: `routes! { Broker; plain GetMaxOffset => offset::max_offset, ... }`.
///
/// * `plain R => f`: `fn(&mut S, &mut Exchange, &Call, R) -> Answer<R>`;
/// * `later R => f`: `fn(&mut S, &mut Exchange, &Call, R) -> Result<(), Refusal>`, answers itself;
/// * `asked R => f`: `S::ask(&mut self, &mut Exchange, &Call, R, f)` answers by means of `f`;
/// * `raw R => f`: `fn(&mut S, &mut Exchange, &Call)`, decodes and answers itself (hot requests).
#[macro_export]
macro_rules! routes {
    ($service:ty; $($verb:ident $request:ty => $handler:path),* $(,)?) => {
        vec![$($crate::routes!(@row $service, $verb, $request, $handler)),*]
    };
    (@row $service:ty, plain, $request:ty, $handler:path) => {
        $crate::Route::<$service> {
            code: <$request as $crate::route::IsRequest>::CODE,
            name: <$request as $crate::route::IsRequest>::NAME,
            serve: |s, x, c| $crate::route::serve::<$service, $request>(s, x, c, $handler),
        }
    };
    (@row $service:ty, later, $request:ty, $handler:path) => {
        $crate::Route::<$service> {
            code: <$request as $crate::route::IsRequest>::CODE,
            name: <$request as $crate::route::IsRequest>::NAME,
            serve: |s, x, c| $crate::route::serve_later::<$service, $request>(s, x, c, $handler),
        }
    };
    (@row $service:ty, asked, $request:ty, $handler:path) => {
        $crate::Route::<$service> {
            code: <$request as $crate::route::IsRequest>::CODE,
            name: <$request as $crate::route::IsRequest>::NAME,
            serve: |s, x, c| {
                $crate::route::serve_later::<$service, $request>(s, x, c, |s, x, c, request| {
                    s.ask(x, c, request, $handler);
                    Ok(())
                })
            },
        }
    };
    (@row $service:ty, raw, $request:ty, $handler:path) => {
        $crate::Route::<$service> {
            code: <$request as $crate::route::IsRequest>::CODE,
            name: <$request as $crate::route::IsRequest>::NAME,
            serve: $handler,
        }
    };
}

/// Lets `routes!` name a request's constants without an import.
pub trait IsRequest {
    /// The request code.
    const CODE: i32;
    /// The request's name.
    const NAME: &'static str;
}

impl<R: Request> IsRequest for R {
    const CODE: i32 = R::CODE;
    const NAME: &'static str = R::NAME;
}

/// Codes below this are found by index.
const DENSE_CODES: usize = 512;

/// A role's rows, indexed.
pub struct Routes<S> {
    rows: Vec<Route<S>>,
    dense: Vec<u16>,
}

const NO_ROW: u16 = u16::MAX;

impl<S> Routes<S> {
    /// Indexes `rows`.
    ///
    /// # Panics
    /// Two rows have the same code: a mistake in the table.
    pub fn new(rows: Vec<Route<S>>) -> Routes<S> {
        let mut dense = vec![NO_ROW; DENSE_CODES];
        for (at, row) in rows.iter().enumerate() {
            let twice = rows[..at].iter().any(|other| other.code == row.code);
            assert!(!twice, "two routes for {} ({})", row.name, row.code);
            if let Some(entry) = dense.get_mut(row.code as usize) {
                *entry = at as u16;
            }
        }
        Routes { rows, dense }
    }

    /// The codes served, in table order.
    pub fn codes(&self) -> impl Iterator<Item = i32> + '_ {
        self.rows.iter().map(|row| row.code)
    }

    fn find(&self, code: i32) -> Option<&Route<S>> {
        match self.dense.get(code as usize) {
            Some(&at) => self.rows.get(usize::from(at)),
            None => self.rows.iter().find(|row| row.code == code),
        }
    }

    /// Serves one request. An unknown code is refused in the protocol's own words; a panic in a
    /// handler costs that request alone.
    pub fn serve(&self, service: &mut S, exchange: &mut Exchange<'_>, call: &Call<'_>) {
        let Some(route) = self.find(call.frame.code) else {
            let remark = format!(" request type {} not supported", call.frame.code);
            exchange.refuse(
                call.reply_handle(),
                response_code::REQUEST_CODE_NOT_SUPPORTED,
                &remark,
            );
            return;
        };
        let served = catch_unwind(AssertUnwindSafe(|| (route.serve)(service, exchange, call)));
        if served.is_err() {
            tracing::error!(request = route.name, "a handler panicked; the request is refused");
            exchange.refuse(
                call.reply_handle(),
                response_code::SYSTEM_ERROR,
                "the server failed while it handled this request; see its log",
            );
        }
    }
}
