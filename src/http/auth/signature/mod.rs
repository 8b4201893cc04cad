//! Checks requests that were signed with an access key and its secret key (`SDK-HMAC-SHA256`).
//!
//! Begin at [`Authorization::parse`], look up the secret key of [`Authorization::access_key`], then call
//! [`Authorization::verify`] with the request exactly as it was received, before path, query or body are parsed
//! or normalised. Pure: no clock, no IO, no panic on any input.
//!
//! Not here: which keys exist, tokens, and the algorithms no client of the service uses by default ([`other_algorithm`]).
//!
//! Source: docs/contract/clients-and-identity.md, section 8, and the signers of the clients
//! named there.

mod authorization;
mod canonical;

use std::time::Duration;

use chrono::NaiveDate;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use thiserror::Error;

pub(crate) use authorization::{Authorization, Form, Scope};
use canonical::HeaderValue;

/// How far `X-Sdk-Date` may be from now, in either direction.
///
/// Source: docs/contract/clients-and-identity.md, section 8, rules for the verifier.
pub(crate) const SIGNATURE_SKEW: Duration = Duration::from_mins(15);

/// The most names `SignedHeaders` may hold; our bound, clients send four to six.
pub(crate) const MAX_SIGNED_HEADERS: usize = 64;

/// The only algorithm that is verified here.
const ALGORITHM: &str = "SDK-HMAC-SHA256";
/// The algorithms that clients can be told to sign with, and that are not verified here.
const OTHER_ALGORITHMS: [&str; 4] =
    ["V11-HMAC-SHA256", "SDK-HMAC-SM3", "SDK-ECDSA-P256-SHA256", "SDK-SM2-SM3"];
/// The header with the time of signing.
const DATE_HEADER: &str = "x-sdk-date";
/// The last part of a scope, and of the key derivation of [`Form::Credential`].
const SCOPE_END: &str = "sdk_request";

/// All values of the header with a lower-case name, in the order received; empty if there is none.
///
/// Over an actix-web `HeaderMap`: `|name| map.get_all(name).map(|value| value.as_bytes()).collect()`.
pub(crate) type HeaderLookup<'a> = dyn Fn(&str) -> Vec<&'a [u8]> + 'a;

/// Returns the name of the algorithm by which a header signs, if it is one that is not verified here.
pub(crate) fn other_algorithm(header_value: &str) -> Option<&'static str> {
    let scheme = header_value.trim_ascii().split([' ', '\t']).next()?;
    OTHER_ALGORITHMS.into_iter().find(|name| name.eq_ignore_ascii_case(scheme))
}

/// The request as it came over the wire.
#[derive(Clone, Copy)]
pub(crate) struct SignedRequest<'a> {
    /// The method; signed in upper case.
    pub(crate) method: &'a str,
    /// The path, still percent-encoded, with every slash and dot segment.
    pub(crate) raw_path: &'a str,
    /// The query, still percent-encoded, without `?`; may be empty.
    pub(crate) raw_query: &'a str,
    /// Finds header values; `host` must be the received one, with its port.
    pub(crate) headers: &'a HeaderLookup<'a>,
    /// The body before any decoding.
    pub(crate) body: &'a [u8],
}

/// Why a signed request is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum SignatureError {
    /// The signature cannot be read, or does not cover what it must.
    #[error("malformed request signature")]
    Malformed(#[from] Malformation),
    /// `X-Sdk-Date` is more than [`SIGNATURE_SKEW`] from now.
    #[error("request signed {seconds_off} seconds from now, at most {} allowed", SIGNATURE_SKEW.as_secs())]
    Skewed {
        /// The distance between `X-Sdk-Date` and now, in seconds.
        seconds_off: u64,
    },
    /// The request is not the one that was signed, or was signed with another secret key.
    #[error("request signature does not match")]
    Mismatch,
}

/// What is wrong with a [`SignatureError::Malformed`] signature.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Malformation {
    /// The header is not `Access=…` or `Credential=…` followed by `SignedHeaders=…` and `Signature=…`, once each.
    #[error("expected Access or Credential, then SignedHeaders and Signature")]
    Parts,
    /// `Access` is empty or `Credential` is not `KEY/YYYYMMDD/REGION/SERVICE/sdk_request`.
    #[error("unreadable access key or credential scope")]
    Credential,
    /// `SignedHeaders` is not a list of names separated by `;`, or has more than [`MAX_SIGNED_HEADERS`].
    #[error("signed headers are not 1 to {MAX_SIGNED_HEADERS} names")]
    SignedHeaders,
    /// `Signature` is not 64 hexadecimal digits.
    #[error("signature is not 64 hexadecimal digits")]
    Signature,
    /// `SignedHeaders` does not name `x-sdk-date`.
    #[error("x-sdk-date is not signed")]
    DateNotSigned,
    /// `X-Sdk-Date` is absent, repeated, or not a time written `YYYYMMDDTHHMMSSZ`.
    #[error("missing or unreadable x-sdk-date")]
    Date,
    /// The date in the credential's scope is not that of `X-Sdk-Date`.
    #[error("credential scope and x-sdk-date have different dates")]
    ScopeDate,
    /// A name in `SignedHeaders` is not a header of the request.
    #[error("signed header {name:?} is absent")]
    HeaderAbsent {
        /// The name, in lower case.
        name: String,
    },
}

impl Authorization<'_> {
    /// Checks that `request` was signed with `secret_key` within [`SIGNATURE_SKEW`] of `now_unix_seconds`.
    ///
    /// An `X-Sdk-Content-Sha256` header that is signed takes the place of the body's hash as it is, so such a request's body
    /// is not protected by the signature; clients use it to send `UNSIGNED-PAYLOAD`. The signature is compared in
    /// constant time.
    ///
    /// # Errors
    /// `Malformed` if `X-Sdk-Date` or another signed header is absent, or a date cannot be read or differs from the
    /// scope's; `Skewed` if the date is too far from now; `Mismatch` if the signature is not that of the request.
    pub(crate) fn verify(
        &self,
        request: &SignedRequest<'_>,
        secret_key: &str,
        now_unix_seconds: i64,
    ) -> Result<(), SignatureError> {
        let date_header = HeaderValue::find(request, DATE_HEADER, self.form()).ok_or(Malformation::Date)?;
        let signed_at = str::from_utf8(date_header.as_bytes()).map_err(|_| Malformation::Date)?;
        let signed_at_unix_seconds = unix_seconds(signed_at).ok_or(Malformation::Date)?;
        if let Form::Credential(scope) = self.form()
            && !signed_at.starts_with(scope.date)
        {
            return Err(Malformation::ScopeDate.into());
        }
        let seconds_off = signed_at_unix_seconds.abs_diff(now_unix_seconds);
        if seconds_off > SIGNATURE_SKEW.as_secs() {
            return Err(SignatureError::Skewed { seconds_off });
        }
        let key = signing_key(self.form(), secret_key);
        let matches = |canonical_request: &Vec<u8>| {
            let string_to_sign = string_to_sign(self.form(), signed_at, canonical_request);
            mac(&key, string_to_sign.as_bytes()).verify_slice(self.signature()).is_ok()
        };
        if canonical::canonical_requests(self, request)?.iter().any(matches) {
            Ok(())
        } else {
            Err(SignatureError::Mismatch)
        }
    }
}

fn string_to_sign(form: &Form<'_>, signed_at: &str, canonical_request: &[u8]) -> String {
    let hash = hex::encode(Sha256::digest(canonical_request));
    match form {
        Form::Access => format!("{ALGORITHM}\n{signed_at}\n{hash}"),
        Form::Credential(Scope { date, region, service }) => {
            format!("{ALGORITHM}\n{signed_at}\n{date}/{region}/{service}/{SCOPE_END}\n{hash}")
        }
    }
}

fn signing_key(form: &Form<'_>, secret_key: &str) -> Vec<u8> {
    match form {
        Form::Access => secret_key.as_bytes().to_vec(),
        Form::Credential(Scope { date, region, service }) => [*date, *region, *service, SCOPE_END]
            .iter()
            .fold(format!("SDK{secret_key}").into_bytes(), |key, part| {
                mac(&key, part.as_bytes()).finalize().into_bytes().to_vec()
            }),
    }
}

fn mac(key: &[u8], message: &[u8]) -> Hmac<Sha256> {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.chain_update(message)
}

/// Reads `YYYYMMDDTHHMMSSZ` (UTC, no leap seconds) as seconds since 1970.
fn unix_seconds(text: &str) -> Option<i64> {
    let (day, time) = text.strip_suffix('Z')?.split_once('T')?;
    let are_digits = day.bytes().chain(time.bytes()).all(|byte| byte.is_ascii_digit());
    if day.len() != 8 || time.len() != 6 || !are_digits {
        return None;
    }
    let number = |text: &str, start: usize| text.get(start..start + 2)?.parse::<u32>().ok();
    let year = day.get(..4)?.parse().ok()?;
    let date = NaiveDate::from_ymd_opt(year, number(day, 4)?, number(day, 6)?)?;
    let date_time = date.and_hms_opt(number(time, 0)?, number(time, 2)?, number(time, 4)?)?;
    Some(date_time.and_utc().timestamp())
}

#[cfg(test)]
mod tests;
