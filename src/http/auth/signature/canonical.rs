//! The canonical request: the text that client and server both hash.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};
use sha2::{Digest, Sha256};

use super::{Authorization, Form, Malformation, SignedRequest};

/// The header whose value stands in for the hash of the body.
const CONTENT_HASH_HEADER: &str = "x-sdk-content-sha256";
/// All bytes but `A–Z a–z 0–9 - _ . ~`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const ENCODED_IN_PATH: &AsciiSet = &ENCODED.remove(b'/');

/// A query parameter, decoded: name and value.
type Parameter = (Vec<u8>, Vec<u8>);

/// Returns the texts a client may have signed for this request: one, or two where clients disagree.
///
/// # Errors
/// `HeaderAbsent` for the first signed header that the request does not have.
pub(super) fn canonical_requests(
    authorization: &Authorization<'_>,
    request: &SignedRequest<'_>,
) -> Result<Vec<Vec<u8>>, Malformation> {
    let form = authorization.form();
    let mut parameters = parse_query(request.raw_query);
    let (query, payload) = match form {
        Form::Access => {
            // Known quirk: clients sort what is decoded, so `é` comes after `z` though `%C3` would not.
            parameters.sort();
            (encode(&parameters), Cow::Borrowed(request.body))
        }
        // Known quirk: a POST without a body has its query hashed as if it were a form in the body.
        Form::Credential(_) if request.method.eq_ignore_ascii_case("POST") && request.body.is_empty() => {
            parameters.sort_by(|(one, _), (other, _)| one.cmp(other));
            // Every other `%` is written `%25`, so this finds encoded spaces only.
            (String::new(), Cow::Owned(encode(&parameters).replace("%20", "+").into_bytes()))
        }
        Form::Credential(_) => (encode(&first_of_each_name(parameters)), Cow::Borrowed(request.body)),
    };
    let mut head =
        format!("{}\n{}\n{query}\n", request.method.to_ascii_uppercase(), encode_path(request.raw_path))
            .into_bytes();
    for name in authorization.signed_headers().split(';') {
        let name = name.to_ascii_lowercase();
        let Some(value) = HeaderValue::find(request, &name, form) else {
            return Err(Malformation::HeaderAbsent { name });
        };
        head.extend([name.as_bytes(), b":", value.as_bytes(), b"\n"].concat());
    }
    head.extend([b"\n", authorization.signed_headers().as_bytes(), b"\n"].concat());
    let hashes = payload_hashes(request, form, authorization.signed_headers(), &payload);
    Ok(hashes.into_iter().map(|hash| [head.as_slice(), &hash].concat()).collect())
}

/// A header's values made one, as it is signed.
pub(super) struct HeaderValue(Vec<u8>);

impl HeaderValue {
    /// Joins the trimmed values of a header with `,`; `None` if the request does not have it.
    ///
    /// [`Form::Credential`] also makes one blank of each run of blanks.
    pub(super) fn find(request: &SignedRequest<'_>, lower_case_name: &str, form: &Form<'_>) -> Option<Self> {
        let received = (request.headers)(lower_case_name);
        if received.is_empty() {
            return None;
        }
        let values: Vec<Vec<u8>> = received
            .into_iter()
            .map(|value| match form {
                Form::Access => value.trim_ascii().to_vec(),
                Form::Credential(_) => {
                    let words = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
                    words.collect::<Vec<_>>().join(&b' ')
                }
            })
            .collect();
        Some(Self(values.join(&b',')))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Returns what the hash of the payload may be.
///
/// An announced hash counts only if it is signed itself: who could add the header could change the body.
fn payload_hashes(
    request: &SignedRequest<'_>,
    form: &Form<'_>,
    signed_headers: &str,
    payload: &[u8],
) -> Vec<Vec<u8>> {
    let is_signed = signed_headers.split(';').any(|name| name == CONTENT_HASH_HEADER);
    let announced = HeaderValue::find(request, CONTENT_HASH_HEADER, form);
    let announced = announced.filter(|value| is_signed && !value.0.is_empty());
    let hash = || hex::encode(Sha256::digest(payload)).into_bytes();
    match (announced, form) {
        (None, _) => vec![hash()],
        // Known quirk: without a body the Python SDK sends the header but signs the hash of nothing, the Go SDK
        // signs the header.
        (Some(announced), Form::Access) if payload.is_empty() => vec![announced.0, hash()],
        (Some(announced), _) => vec![announced.0],
    }
}

fn encode_path(raw_path: &str) -> String {
    let decoded: Cow<'_, [u8]> = percent_decode(raw_path.as_bytes()).into();
    let mut path = percent_encode(&decoded, ENCODED_IN_PATH).to_string();
    if !path.ends_with('/') {
        path.push('/');
    }
    path
}

fn parse_query(raw_query: &str) -> Vec<Parameter> {
    let decode = |text: &str| percent_decode(text.replace('+', " ").as_bytes()).collect();
    raw_query
        .split('&')
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| parameter.split_once('=').unwrap_or((parameter, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// Keeps the first value received of each name, sorted by encoded name without regard to case.
fn first_of_each_name(mut parameters: Vec<Parameter>) -> Vec<Parameter> {
    parameters.sort_by_cached_key(|(name, _)| {
        let encoded = percent_encode(name, ENCODED).to_string();
        (encoded.to_ascii_lowercase(), encoded)
    });
    parameters.dedup_by(|(later, _), (earlier, _)| later == earlier);
    parameters
}

fn encode(parameters: &[Parameter]) -> String {
    let encode = |text| percent_encode(text, ENCODED);
    let pairs = parameters.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}
