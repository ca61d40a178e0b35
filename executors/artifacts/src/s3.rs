//! Objects of a store that speaks S3's protocol, by addresses that are signed for a moment.

use std::time::Duration;

use reqwest::Url;
use rusty_s3::{Bucket, Credentials, S3Action as _, UrlStyle};

use crate::{ArtifactError, Environment};

/// So long an address is good: for one download that begins at once, with clocks that differ.
const GOOD_FOR: Duration = Duration::from_mins(5);
const REGION: &str = "us-east-1";
const PROFILE: &str = "default";

/// Returns the address under which `key` of `bucket` can be fetched now. It lets in whoever has it: it is not for the log.
pub(crate) async fn signed(
    environment: &Environment,
    bucket: &str,
    key: &str,
    uri: &str,
) -> Result<Url, ArtifactError> {
    let wrong = |missing: String| ArtifactError::Environment { uri: uri.to_owned(), missing };
    let region = environment("AWS_REGION").or_else(|| environment("AWS_DEFAULT_REGION"));
    let region = region.unwrap_or_else(|| REGION.to_owned());
    let chosen = environment("AWS_ENDPOINT_URL_S3").or_else(|| environment("AWS_ENDPOINT_URL"));
    // Stores of one's own are reached under one name, whatever the bucket.
    let style = if chosen.is_some() { UrlStyle::Path } else { UrlStyle::VirtualHost };
    let endpoint = chosen.unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
    let endpoint = endpoint.parse().map_err(|_| wrong(format!("AWS_ENDPOINT_URL is no address: `{endpoint}`")))?;
    let bucket = Bucket::new(endpoint, style, bucket.to_owned(), region)
        .map_err(|error| wrong(format!("the bucket cannot be addressed: {error}")))?;
    let credentials = credentials(environment).await.map_err(wrong)?;
    Ok(bucket.get_object(credentials.as_ref(), key).sign(GOOD_FOR))
}

/// Returns the key, read anew each time: the file may hold another one by then. `None` for what everybody may read.
async fn credentials(environment: &Environment) -> Result<Option<Credentials>, String> {
    match (environment("AWS_ACCESS_KEY_ID"), environment("AWS_SECRET_ACCESS_KEY")) {
        (Some(key), Some(secret)) => Ok(Some(with(key, secret, environment("AWS_SESSION_TOKEN")))),
        (None, None) => match environment("AWS_SHARED_CREDENTIALS_FILE") {
            Some(path) => of_file(&path, &environment("AWS_PROFILE").unwrap_or_else(|| PROFILE.to_owned())).await,
            None => Ok(None),
        },
        _ => Err("set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither".to_owned()),
    }
}

async fn of_file(path: &str, profile: &str) -> Result<Option<Credentials>, String> {
    let place = format!("`{path}`, which AWS_SHARED_CREDENTIALS_FILE names,");
    let bytes = super::read(path).await.map_err(|error| match error {
        ArtifactError::File { cause, .. } => format!("{place} cannot be read: {cause}"),
        other => other.to_string(),
    })?;
    let text = String::from_utf8_lossy(&bytes);
    match of_profile(&text, profile) {
        [Some(key), Some(secret), token] => Ok(Some(with(key, secret, token))),
        _ => Err(format!("{place} has no profile `{profile}` with aws_access_key_id and aws_secret_access_key")),
    }
}

/// Returns the key, the secret and the token that a file of AWS' tools has for `profile`.
fn of_profile(text: &str, profile: &str) -> [Option<String>; 3] {
    let lines = text.lines().map(str::trim);
    let behind = lines.skip_while(|line| *line != format!("[{profile}]")).skip(1);
    let members: Vec<(&str, &str)> =
        behind.take_while(|line| !line.starts_with('[')).filter_map(|line| line.split_once('=')).collect();
    ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"].map(|name| {
        let member = members.iter().find(|(found, value)| found.trim() == name && !value.trim().is_empty());
        member.map(|(_, value)| value.trim().to_owned())
    })
}

fn with(key: String, secret: String, token: Option<String>) -> Credentials {
    match token {
        Some(token) => Credentials::new_with_token(key, secret, token),
        None => Credentials::new(key, secret),
    }
}
