//! Objects of a store that speaks S3's protocol, by addresses that are signed for a moment.

use std::time::Duration;

use reqwest::Url;
use rusty_s3::{Bucket, Credentials, S3Action as _, UrlStyle};

use crate::{ArtifactError, Environment};

/// So long an address is good: for one download that begins at once, with clocks that differ.
const GOOD_FOR: Duration = Duration::from_mins(5);
const REGION: &str = "us-east-1";

/// Returns the address under which `key` of `bucket` can be fetched now. It lets in whoever has it: it is not for the log.
pub(crate) fn signed(environment: &Environment, bucket: &str, key: &str, uri: &str) -> Result<Url, ArtifactError> {
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
    let credentials = match (environment("AWS_ACCESS_KEY_ID"), environment("AWS_SECRET_ACCESS_KEY")) {
        (Some(key), Some(secret)) => Some(match environment("AWS_SESSION_TOKEN") {
            Some(token) => Credentials::new_with_token(key, secret, token),
            None => Credentials::new(key, secret),
        }),
        (None, None) => None,
        _ => return Err(wrong("set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither".to_owned())),
    };
    Ok(bucket.get_object(credentials.as_ref(), key).sign(GOOD_FOR))
}
