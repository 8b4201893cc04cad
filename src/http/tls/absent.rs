//! What stands for HTTPS in a program that is built without it.

use std::path::Path;

use super::settings::{Now, TlsError, TlsMode, TlsSettings};

/// Takes connections of HTTPS: there is none.
#[derive(Clone, Debug)]
pub enum Acceptor {}

impl Acceptor {
    /// Returns nothing, if that is what is asked for.
    ///
    /// # Errors
    /// `NotBuilt` if it is not.
    pub fn new(settings: &TlsSettings, _now: Now) -> Result<Option<Self>, TlsError> {
        if settings.mode == TlsMode::Off { Ok(None) } else { Err(TlsError::NotBuilt) }
    }

    /// Returns the certificate of the authority.
    pub fn authority(&self) -> Option<&str> {
        match *self {}
    }
}

/// Returns the certificate of the authority that a file has.
///
/// # Errors
/// `NotBuilt`.
pub fn authority(_path: &Path, _now: &Now) -> Result<String, TlsError> {
    Err(TlsError::NotBuilt)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::time::Timestamp;

    #[test]
    fn who_asks_for_https_is_told_how_to_build_it() {
        let settings = |mode| TlsSettings { mode, certificate: None, key: None, authority: None };
        let now: Now = Arc::new(|| Timestamp::MIN);
        assert!(matches!(Acceptor::new(&settings(TlsMode::Off), now.clone()), Ok(None)));
        let error = Acceptor::new(&settings(TlsMode::SelfSigned), now).unwrap_err().to_string();
        assert!(error.contains("--features tls"), "{error}");
    }
}
