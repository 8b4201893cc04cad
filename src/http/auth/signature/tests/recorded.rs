//! Requests recorded from unmodified signers, with paths, queries and headers that the contract's vectors leave out.
//!
//! Source: huaweicloudsdkcore 3.1.219 (Python), chnsz/golangsdk 83ad1d2 and gophertelekomcloud 30e3307 (Go), each
//! with key `AK`.

use super::*;

const BY_ACCESS: Sample<'_> = Sample {
    method: "GET",
    path: "/",
    query: "",
    headers: &[("Host", "127.0.0.1:8080"), ("X-Sdk-Date", "20260102T030405Z")],
    body: b"",
    authorization: "SDK-HMAC-SHA256 Access=AK, SignedHeaders=host;x-sdk-date, \
        Signature=0000000000000000000000000000000000000000000000000000000000000000",
};
const BY_CREDENTIAL: Sample<'_> = Sample {
    authorization: "SDK-HMAC-SHA256 Credential=AK/20260102///sdk_request, SignedHeaders=host;x-sdk-date, \
        Signature=f4d29c7a14deccd99a871127ab3b725111ddb5639b9447e8afdccc9d9d700af1",
    ..BY_ACCESS
};
const UNSIGNED_PAYLOAD: (&str, &str) = ("X-Sdk-Content-Sha256", "UNSIGNED-PAYLOAD");

/// The second to fourth line groups of the canonical request: path, query, headers.
fn path_query_and_headers(sample: &Sample<'_>) -> String {
    let text = sample.canonical_requests().remove(0);
    let (_, rest) = text.split_once('\n').unwrap();
    rest.split_once("\n\n").unwrap().0.to_owned()
}

#[test]
fn python_signs_odd_paths_and_queries() {
    let sample = Sample {
        path: "/v2/a%20b/%C3%A9%2Fc/../x+y//z*",
        query: "a=&a=1&a=2&a-=~%2A&a%3A=3&b%2B=1%202&z=1&%C3%A9=%2F",
        authorization: "SDK-HMAC-SHA256 Access=AK, SignedHeaders=host;x-sdk-date, \
            Signature=b816f101dd8a44854e7e6c5cc9437909fab3141a0b2dbb84224a2e3219575f68",
        ..BY_ACCESS
    };
    assert_eq!(sample.verify(), Ok(()));
    // The same parameters in another order and spelling.
    let query = "%C3%A9=/&z=1&b%2b=1+2&a:=3&a-=%7E*&a=2&a=1&&a";
    assert_eq!(Sample { query, ..sample }.verify(), Ok(()));
    assert_eq!(
        path_query_and_headers(&Sample { query, ..sample }),
        "/v2/a%20b/%C3%A9/c/../x%2By//z%2A/\na=&a=1&a=2&a-=~%2A&a%3A=3&b%2B=1%202&z=1&%C3%A9=%2F\n\
         host:127.0.0.1:8080\nx-sdk-date:20260102T030405Z"
    );
}

#[test]
fn python_signs_trimmed_values_of_any_text_and_bodies_of_any_bytes() {
    let sample = Sample {
        method: "PUT",
        path: "/v2/x/",
        headers: &[BY_ACCESS.headers[0], ("X-Note", "  a  b é\t"), BY_ACCESS.headers[1]],
        body: b"\x00\xff",
        authorization: "SDK-HMAC-SHA256 Access=AK, SignedHeaders=host;x-note;x-sdk-date, \
            Signature=ccd2ecaff4c4ef29bf66312bc26abca71a06ed9a3cac85aca6c0316998465b64",
        ..BY_ACCESS
    };
    assert_eq!(sample.verify(), Ok(()));
}

#[test]
fn an_announced_content_hash_takes_the_place_of_the_bodys() {
    let headers = [&[("Content-Type", "text/plain"), UNSIGNED_PAYLOAD], BY_ACCESS.headers].concat();
    let sample = Sample {
        method: "POST",
        headers: &headers,
        body: b"x",
        authorization: "SDK-HMAC-SHA256 Access=AK, \
            SignedHeaders=content-type;host;x-sdk-content-sha256;x-sdk-date, \
            Signature=ad4652a846e832a89825abd1675825670d26af1aacc70ac3724bd28cf0ab6473",
        ..BY_ACCESS
    };
    assert_eq!(sample.verify(), Ok(()));
    assert_eq!(Sample { body: b"another", ..sample }.verify(), Ok(()));
    let headers = with_header(&sample, UNSIGNED_PAYLOAD.0, Some("unsigned-payload"));
    assert_eq!(Sample { headers: &headers, ..sample }.verify(), Err(SignatureError::Mismatch));

    let headers = [&[UNSIGNED_PAYLOAD], BY_CREDENTIAL.headers].concat();
    let sample = Sample {
        method: "POST",
        path: "/v1.0/x",
        query: "b=2&a=1",
        headers: &headers,
        body: b"{}",
        authorization: "SDK-HMAC-SHA256 Credential=AK/20260102///sdk_request, \
            SignedHeaders=host;x-sdk-content-sha256;x-sdk-date, \
            Signature=caf4372a89c782f66e8e62dd0999d94a4e3020564984dd4b7ad7894ed9df5c32",
    };
    assert_eq!(sample.verify(), Ok(()));
}

#[test]
fn without_a_body_python_signs_the_hash_of_nothing_and_go_the_announced_one() {
    let headers = [&[("Content-Type", "text/plain"), UNSIGNED_PAYLOAD], BY_ACCESS.headers].concat();
    let by_python = Sample {
        method: "DELETE",
        path: "/v2/x",
        headers: &headers,
        authorization: "SDK-HMAC-SHA256 Access=AK, \
            SignedHeaders=content-type;host;x-sdk-content-sha256;x-sdk-date, \
            Signature=9025c04a82c15be6afe03b909c530557cc23e5cd9daedd530de9adbd363cfb46",
        ..BY_ACCESS
    };
    assert_eq!(by_python.verify(), Ok(()));
    assert_eq!(Sample { body: b"x", ..by_python }.verify(), Err(SignatureError::Mismatch));

    let by_go = Sample {
        query: "a=1&b=10&b=2",
        headers: &[UNSIGNED_PAYLOAD, ("Host", "127.0.0.1:8080"), ("X-Sdk-Date", "20260102T030405Z")],
        authorization: "SDK-HMAC-SHA256 Access=AK, SignedHeaders=host;x-sdk-content-sha256;x-sdk-date, \
            Signature=cb0575ca710d92361a2f87ff0c6652f11426416a390597b137d4398ba60360c7",
        ..by_python
    };
    assert_eq!(by_go.verify(), Ok(()));
}

#[test]
fn a_credential_signs_the_first_value_of_each_name_and_squeezed_headers() {
    let sample = Sample {
        path: "/v1.0/a%20b",
        query: "b=2&b=1&C=3&a_=%2F&%C3%A9=z&e",
        headers: &[BY_ACCESS.headers[0], ("X-Note", "a  b \t c"), BY_ACCESS.headers[1]],
        authorization: "SDK-HMAC-SHA256 Credential=AK/20260102/eu-de/dcs/sdk_request, \
            SignedHeaders=host;x-note;x-sdk-date, \
            Signature=9e581fa5cea0a08c6e43680bf437d3cab8a268f4d78a2244ecc73544af194acf",
        ..BY_CREDENTIAL
    };
    assert_eq!(sample.verify(), Ok(()));
    assert_eq!(
        path_query_and_headers(&sample),
        "/v1.0/a%20b/\n%C3%A9=z&a_=%2F&b=2&C=3&e=\n\
         host:127.0.0.1:8080\nx-note:a b c\nx-sdk-date:20260102T030405Z"
    );
}

#[test]
fn a_credential_signs_the_query_of_a_post_without_body_as_a_form() {
    let sample = Sample { method: "POST", path: "/v1.0/x", query: "b=2&b=1&a=x+y&A~=*%20", ..BY_CREDENTIAL };
    assert_eq!(sample.verify(), Ok(()));
    let form_hash = hex::encode(Sha256::digest(b"A~=%2A+&a=x+y&b=2&b=1"));
    let expected = format!(
        "POST\n/v1.0/x/\n\nhost:127.0.0.1:8080\nx-sdk-date:20260102T030405Z\n\nhost;x-sdk-date\n{form_hash}"
    );
    assert_eq!(sample.canonical_requests(), [expected]);
    for query in ["", "b=1&b=2&a=x+y&A~=*%20", "b=2&b=1&a=x%2By&A~=*%20"] {
        assert_eq!(Sample { query, ..sample }.verify(), Err(SignatureError::Mismatch), "{query}");
    }
}

#[test]
fn values_of_a_repeated_header_are_joined_by_a_comma() {
    let headers = [&[("X-Note", " one "), ("x-note", "two,three")], BY_ACCESS.headers].concat();
    let authorization = BY_ACCESS.authorization.replace("host;", "X-Note;");
    let sample = Sample { headers: &headers, authorization: &authorization, ..BY_ACCESS };
    let text = sample.canonical_requests().remove(0);
    assert!(
        text.starts_with(
            "GET\n/\n\nx-note:one,two,three\nx-sdk-date:20260102T030405Z\n\nX-Note;x-sdk-date\n"
        )
    );
}
