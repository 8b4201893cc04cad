//! With what a client logs in where a seed has been applied.

use crate::domain::builtin;
use crate::domain::id::ProjectId;
use crate::domain::identity::{Domain, Secret};
use crate::engine::seed::applying::{built_in_domain, built_in_project};
use crate::engine::seed::{Seed, SeededPassword};

/// What a client needs to be let in, in strict mode too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The project: the first that the seed names, else the built-in one.
    pub project_id: ProjectId,
    /// The domain of users and projects.
    pub domain: Domain,
    /// The user: the first that the seed names, else the built-in one.
    pub user_name: String,
    /// The user's password, if there is one.
    pub password: Option<Secret>,
    /// The user's first access key and its secret, if there is one.
    pub access_key: Option<(String, Secret)>,
}

impl Seed {
    /// Returns with what a client logs in once this seed has been applied to an empty database.
    pub fn credentials(&self, region: &str) -> Credentials {
        let project_id =
            self.projects.first().map_or_else(|| built_in_project(region).id, |project| project.id);
        let domain = self.domain.as_ref().map_or_else(built_in_domain, |seeded| seeded.domain.clone());
        let secret = |text: &str| Secret::new(text.to_owned());
        match self.users.first() {
            Some(user) => Credentials {
                project_id,
                domain,
                user_name: user.name.clone(),
                password: match &user.password {
                    SeededPassword::Plain(password) => Some(password.clone()),
                    _ => None,
                },
                access_key: user.access_keys.first().cloned(),
            },
            None => Credentials {
                project_id,
                domain,
                user_name: builtin::USER_NAME.to_owned(),
                password: Some(secret(builtin::PASSWORD)),
                access_key: Some((builtin::ACCESS_KEY.to_owned(), secret(builtin::SECRET_KEY))),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::seed::{DEMO, Notation, SeedReader};

    fn credentials(seed: &str) -> Credentials {
        let mut reader = SeedReader::new("eu-de");
        reader.read("seed", Notation::Yaml, seed).unwrap();
        reader.finish().credentials("eu-de")
    }

    #[test]
    fn what_a_seed_does_not_name_is_built_in() {
        let built_in = Seed::default().credentials("eu-de");
        assert_eq!(built_in.project_id.to_string(), builtin::PROJECT_ID);
        assert_eq!(built_in.user_name, "emulator");
        let demo = credentials(DEMO);
        assert_eq!(demo.project_id.to_string(), "885cacf2d49d4bb6931ae668e9c07553");
        assert_eq!(Credentials { project_id: built_in.project_id, ..demo }, built_in);
    }

    #[test]
    fn the_first_user_of_a_seed_logs_in() {
        let seed =
            "{domain: {name: other}, users: [{name: a, access_keys: [{access: AK, secret: sk}]}, {name: b}]}";
        let credentials = credentials(seed);
        assert_eq!((credentials.domain.name.as_str(), credentials.user_name.as_str()), ("other", "a"));
        assert_eq!(credentials.password, None);
        assert_eq!(credentials.access_key, Some(("AK".to_owned(), Secret::new("sk".to_owned()))));
    }
}
