//! The `Authorization` header of a signed request, parsed.

use super::{ALGORITHM, DATE_HEADER, MAX_SIGNED_HEADERS, Malformation, SCOPE_END, SignatureError};

/// A parsed `Authorization: SDK-HMAC-SHA256 …` header, borrowed from the header's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Authorization<'a> {
    form: Form<'a>,
    access_key: &'a str,
    signed_headers: &'a str,
    signature: [u8; 32],
}

/// The two header forms, which differ in key, string to sign and query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Form<'a> {
    /// `Access=KEY`: huaweicloudsdkcore in all languages, Terraform huaweicloud.
    Access,
    /// `Credential=KEY/SCOPE`: gophertelekomcloud, Terraform opentelekomcloud.
    Credential(Scope<'a>),
}

/// What a key of [`Form::Credential`] is derived for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scope<'a> {
    /// The day of signing, eight digits.
    pub(crate) date: &'a str,
    /// The region; clients leave it empty.
    pub(crate) region: &'a str,
    /// The service; clients leave it empty.
    pub(crate) service: &'a str,
}

impl Authorization<'_> {
    /// Parses the value of an `Authorization` header; `None` if it is of another scheme, such as `Basic`.
    ///
    /// The first part tells the form; `SignedHeaders` and `Signature` may follow in either order.
    ///
    /// # Errors
    /// `Malformed` if the scheme is ours and the rest is not, or if `x-sdk-date` is not among the signed headers.
    pub(crate) fn parse(header_value: &str) -> Result<Option<Authorization<'_>>, SignatureError> {
        let header_value = header_value.trim_ascii();
        let (scheme, parts) = header_value.split_once([' ', '\t']).unwrap_or((header_value, ""));
        // Scheme names have no case (RFC 9110, section 11.1).
        if scheme.eq_ignore_ascii_case(ALGORITHM) { Ok(Some(parse_parts(parts)?)) } else { Ok(None) }
    }

    /// Returns the access key that a header names, also if the rest of it cannot be parsed.
    pub(crate) fn claimed_key(header_value: &str) -> Option<&str> {
        let (_, parts) = header_value.trim_ascii().split_once([' ', '\t'])?;
        let (name, value) = parts.split(',').next()?.trim_ascii().split_once('=')?;
        match name {
            "Access" => Some(value),
            "Credential" => value.split('/').next(),
            _ => None,
        }
    }
}

impl<'a> Authorization<'a> {
    /// Which of the two forms the client used.
    pub(crate) fn form(&self) -> &Form<'a> {
        &self.form
    }

    /// The access key, which names the secret key to verify with; never empty.
    pub(crate) fn access_key(&self) -> &'a str {
        self.access_key
    }

    /// The `SignedHeaders` text as received.
    pub(crate) fn signed_headers(&self) -> &'a str {
        self.signed_headers
    }

    pub(super) fn signature(&self) -> &[u8; 32] {
        &self.signature
    }
}

fn parse_parts(parts: &str) -> Result<Authorization<'_>, Malformation> {
    let mut parts = parts.split(',').map(|part| part.trim_ascii().split_once('=').ok_or(Malformation::Parts));
    let mut next = || parts.next().unwrap_or(Err(Malformation::Parts));
    let (form, access_key) = match next()? {
        ("Access", access_key) => (Form::Access, access_key),
        ("Credential", credential) => {
            let (access_key, scope) = parse_credential(credential)?;
            (Form::Credential(scope), access_key)
        }
        _ => return Err(Malformation::Parts),
    };
    let ((("SignedHeaders", signed_headers), ("Signature", signature))
    | (("Signature", signature), ("SignedHeaders", signed_headers))) = (next()?, next()?)
    else {
        return Err(Malformation::Parts);
    };
    if parts.next().is_some() {
        return Err(Malformation::Parts);
    }
    if access_key.is_empty() {
        return Err(Malformation::Credential);
    }
    check_signed_headers(signed_headers)?;
    Ok(Authorization { form, access_key, signed_headers, signature: parse_signature(signature)? })
}

fn parse_credential(credential: &str) -> Result<(&str, Scope<'_>), Malformation> {
    let mut pieces = credential.split('/');
    let mut next = || pieces.next().ok_or(Malformation::Credential);
    let (access_key, date, region, service, end) = (next()?, next()?, next()?, next()?, next()?);
    let is_date = date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit());
    if !is_date || end != SCOPE_END || pieces.next().is_some() {
        return Err(Malformation::Credential);
    }
    Ok((access_key, Scope { date, region, service }))
}

fn check_signed_headers(signed_headers: &str) -> Result<(), Malformation> {
    let mut is_date_signed = false;
    for (index, name) in signed_headers.split(';').enumerate() {
        if index >= MAX_SIGNED_HEADERS || name.is_empty() {
            return Err(Malformation::SignedHeaders);
        }
        is_date_signed |= name.eq_ignore_ascii_case(DATE_HEADER);
    }
    if is_date_signed { Ok(()) } else { Err(Malformation::DateNotSigned) }
}

fn parse_signature(text: &str) -> Result<[u8; 32], Malformation> {
    let mut signature = [0; 32];
    hex::decode_to_slice(text, &mut signature).map_err(|_| Malformation::Signature)?;
    Ok(signature)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNATURE: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    fn malformation(parts: &str) -> Option<Malformation> {
        match Authorization::parse(&format!("SDK-HMAC-SHA256 {}", parts.replace("SIG", SIGNATURE))) {
            Err(SignatureError::Malformed(malformation)) => Some(malformation),
            _ => None,
        }
    }

    #[test]
    fn other_schemes_are_not_ours() {
        for value in ["", "Basic dTpw", "Bearer t", "SDK-HMAC-SM3 Access=a", "V11-HMAC-SHA256 Credential=a/b"]
        {
            assert_eq!(Authorization::parse(value), Ok(None), "{value}");
        }
    }

    #[test]
    fn the_first_part_tells_the_form() {
        let value =
            format!("SDK-HMAC-SHA256 Access=AK, SignedHeaders=host;x-sdk-date, Signature={SIGNATURE}");
        let authorization = Authorization::parse(&value).unwrap().unwrap();
        assert_eq!(authorization.form(), &Form::Access);
        assert_eq!(authorization.access_key(), "AK");
        assert_eq!(authorization.signed_headers(), "host;x-sdk-date");

        let value = format!(
            "SDK-HMAC-SHA256 Credential=AK/20260102/eu-de//sdk_request,Signature={SIGNATURE},SignedHeaders=X-Sdk-Date"
        );
        let authorization = Authorization::parse(&value).unwrap().unwrap();
        let scope = Scope { date: "20260102", region: "eu-de", service: "" };
        assert_eq!(authorization.form(), &Form::Credential(scope));
        assert_eq!(authorization.access_key(), "AK");
    }

    #[test]
    fn a_header_in_another_shape_is_malformed() {
        let table = [
            ("", Malformation::Parts),
            ("Access", Malformation::Parts),
            ("Access=AK", Malformation::Parts),
            ("Access=AK, SignedHeaders=x-sdk-date", Malformation::Parts),
            ("Access=AK, SignedHeaders=x-sdk-date, SignedHeaders=x-sdk-date", Malformation::Parts),
            ("SignedHeaders=x-sdk-date, Signature=SIG, Access=AK", Malformation::Parts),
            ("access=AK, SignedHeaders=x-sdk-date, Signature=SIG", Malformation::Parts),
            ("Access=AK, SignedHeaders=x-sdk-date, Signature=SIG,", Malformation::Parts),
            ("Access=AK, SignedHeaders=x-sdk-date, Signature=SIG, More=1", Malformation::Parts),
            ("Access=, SignedHeaders=x-sdk-date, Signature=SIG", Malformation::Credential),
            ("Credential=AK, SignedHeaders=x-sdk-date, Signature=SIG", Malformation::Credential),
            (
                "Credential=/20260102///sdk_request, SignedHeaders=x-sdk-date, Signature=SIG",
                Malformation::Credential,
            ),
            (
                "Credential=AK/20260102//sdk_request, SignedHeaders=x-sdk-date, Signature=SIG",
                Malformation::Credential,
            ),
            (
                "Credential=AK/2026-1-2///sdk_request, SignedHeaders=x-sdk-date, Signature=SIG",
                Malformation::Credential,
            ),
            (
                "Credential=AK/20260102///aws4_request, SignedHeaders=x-sdk-date, Signature=SIG",
                Malformation::Credential,
            ),
            (
                "Credential=AK/20260102///sdk_request/, SignedHeaders=x-sdk-date, Signature=SIG",
                Malformation::Credential,
            ),
            ("Access=AK, SignedHeaders=, Signature=SIG", Malformation::SignedHeaders),
            ("Access=AK, SignedHeaders=host;;x-sdk-date, Signature=SIG", Malformation::SignedHeaders),
            ("Access=AK, SignedHeaders=host;x-sdk-dat, Signature=SIG", Malformation::DateNotSigned),
            ("Access=AK, SignedHeaders=x-sdk-date, Signature=", Malformation::Signature),
            ("Access=AK, SignedHeaders=x-sdk-date, Signature=SIG0", Malformation::Signature),
            ("Access=AK, SignedHeaders=x-sdk-date, Signature=SIG00", Malformation::Signature),
            ("Access=AK, SignedHeaders=x-sdk-date, Signature=zz", Malformation::Signature),
        ];
        for (parts, expected) in table {
            assert_eq!(malformation(parts), Some(expected), "{parts}");
        }
    }

    #[test]
    fn at_most_64_headers_may_be_signed() {
        let most = format!("{}x-sdk-date", "h;".repeat(MAX_SIGNED_HEADERS - 1));
        assert_eq!(malformation(&format!("Access=AK, SignedHeaders={most}, Signature=SIG")), None);
        let too_many = format!("Access=AK, SignedHeaders=h;{most}, Signature=SIG");
        assert_eq!(malformation(&too_many), Some(Malformation::SignedHeaders));
    }
}
