//! One schema by its number, and whatever it refers to, over the registry's REST interface.

use std::time::Duration;

use reqwest::{Client, Response, StatusCode};
use serde::Deserialize;

use super::{RegistryAt, RegistryError};
use crate::{Kind, Reference, Schema, Written};

/// Asks one registry.
pub(super) struct Asking {
    client: Client,
    at: RegistryAt,
}

/// What came of a question.
pub(super) enum Told {
    /// The schema.
    Schema(Schema),
    /// The registry has none, or none that can be read.
    Unusable(String),
    /// It does not answer, or not as a registry would.
    Away(String),
}

/// A schema as the registry tells it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    schema: String,
    /// Absent of Avro.
    schema_type: Option<String>,
    #[serde(default)]
    references: Vec<Referred>,
}

#[derive(Deserialize)]
struct Referred {
    name: String,
    subject: String,
    version: i32,
}

/// A refusal as the registry tells it.
#[derive(Deserialize)]
struct Refusal {
    error_code: i32,
    #[serde(default)]
    message: String,
}

/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// A schema refers to some others; to so many does none that was written by people.
const REFERENCES_MAX: usize = 100;
/// No schema is as large.
const ANSWER_BYTES: usize = 4 << 20;

// === impl Asking ===

impl Asking {
    pub(super) fn new(at: RegistryAt) -> Result<Self, RegistryError> {
        let client = Client::builder().timeout(ANSWER_WITHIN).redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { client, at })
    }

    /// Asks for the schema `id`.
    pub(super) async fn ask(&self, id: u32) -> Told {
        let root = match self.get(&["schemas", "ids", &id.to_string()]).await {
            Ok(Some(root)) => root,
            Ok(None) => return Told::Unusable(format!("the registry has no schema {id}")),
            Err(away) => return Told::Away(away),
        };
        let kind = match root.schema_type.as_deref() {
            None | Some("AVRO") => Kind::Avro,
            Some("PROTOBUF") => Kind::Protobuf,
            Some("JSON") => return Told::Schema(Schema::Json),
            Some(other) => return Told::Unusable(format!("schema {id} is of the unknown type `{other}`")),
        };
        let mut references = Vec::new();
        match self.gather(root.references, &mut references).await {
            Ok(None) => {}
            Ok(Some(missing)) => return Told::Unusable(format!("schema {id} refers to {missing}")),
            Err(away) => return Told::Away(away),
        }
        let written = Written { kind, text: root.schema, references };
        match Schema::read(&written) {
            Ok(schema) => Told::Schema(schema),
            Err(unusable) => Told::Unusable(format!("schema {id} cannot be used: {unusable}")),
        }
    }

    /// Puts all that is `referred` to into `gathered`, what it refers to itself first; tells what is not there.
    async fn gather(&self, referred: Vec<Referred>, gathered: &mut Vec<Reference>) -> Result<Option<String>, String> {
        for Referred { name, subject, version } in referred {
            if gathered.iter().any(|known| known.name == name) {
                continue;
            }
            if gathered.len() >= REFERENCES_MAX {
                return Ok(Some(format!("more than {REFERENCES_MAX} others")));
            }
            let found = self.get(&["subjects", &subject, "versions", &version.to_string()]).await?;
            let Some(Answer { schema, references, .. }) = found else {
                return Ok(Some(format!("`{subject}` version {version}, which the registry does not have")));
            };
            // Its place is taken before it is filled, so that those who refer to each other end.
            let place = gathered.len();
            gathered.push(Reference { name, text: schema });
            if let Some(missing) = Box::pin(self.gather(references, gathered)).await? {
                return Ok(Some(missing));
            }
            gathered[place..].rotate_left(1);
        }
        Ok(None)
    }

    /// Returns what lies at `path`; `None` if the registry says that nothing does.
    async fn get(&self, path: &[&str]) -> Result<Option<Answer>, String> {
        let mut url = self.at.address.clone();
        url.path_segments_mut().map_err(|()| "its address has no path".to_owned())?.extend(path);
        let mut question = self.client.get(url);
        if let Some(credentials) = &self.at.credentials {
            let secret = credentials.read().map_err(|why| format!("its credentials {why}"))?;
            question = match secret.split_once(':') {
                Some((user, password)) => question.basic_auth(user, Some(password)),
                None => question.bearer_auth(secret),
            };
        }
        // Its address is told where it is set; an error's address would hold the number of the schema, which is told too.
        let answer = question.send().await.map_err(|error| error.without_url().to_string())?;
        let status = answer.status();
        let body = body(answer).await?;
        if status.is_success() {
            return serde_json::from_slice(&body).map(Some).map_err(|error| format!("it answers no schema: {error}"));
        }
        let refusal = serde_json::from_slice::<Refusal>(&body);
        match (status, refusal) {
            // A wrong path of the address is a 404 too, and no reason to put records aside.
            (StatusCode::NOT_FOUND, Ok(Refusal { error_code: 40_401..=40_499, .. })) => Ok(None),
            (_, Ok(Refusal { error_code, message })) => Err(format!("it answers {status}: {error_code} {message}")),
            (_, Err(_)) => {
                Err(format!("it answers {status}, and not as a schema registry does: is its address right?"))
            }
        }
    }
}

async fn body(mut answer: Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(part) = answer.chunk().await.map_err(|error| error.without_url().to_string())? {
        if body.len() + part.len() > ANSWER_BYTES {
            return Err(format!("it answers more than {ANSWER_BYTES} bytes"));
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}
