//! No input panics, and none is accepted by accident.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn parsing_never_panics(value in any::<String>(), parts in any::<String>()) {
        let _ = Authorization::parse(&value);
        let _ = Authorization::parse(&format!("SDK-HMAC-SHA256 {parts}"));
        let _ = Authorization::parse(&format!("SDK-HMAC-SHA256 Credential={parts}, SignedHeaders={value}, Signature={value}"));
    }

    #[test]
    fn verifying_never_panics(
        method in any::<String>(),
        path in "\\PC*|(/|%|[0-9a-fA-F+;.]|é)*",
        query in "\\PC*|(&|=|%|[0-9a-fA-F+;]|é)*",
        host in any::<String>(),
        date in "\\PC*|[0-9]{8}T[0-9]{6}Z",
        content_hash in proptest::option::of(any::<String>()),
        body in any::<Vec<u8>>(),
        secret_key in any::<String>(),
        now in any::<i64>(),
    ) {
        for sample in SAMPLES {
            let mut headers = with_header(&sample, "Host", Some(&host));
            headers.extend(content_hash.as_deref().map(|value| ("X-Sdk-Content-Sha256", value)));
            let stranger = Sample { method: &method, path: &path, query: &query, body: &body, headers: &headers, ..sample };
            let authorization = stranger.authorization();
            let verdict = stranger.with_request(|request| authorization.verify(request, &secret_key, SIGNED_AT));
            prop_assert!(verdict.is_err());
            let headers = with_header(&sample, "X-Sdk-Date", Some(&date));
            let verdict = Sample { headers: &headers, ..sample }.verify_at(now);
            prop_assert!(verdict.is_err());
        }
    }
}
