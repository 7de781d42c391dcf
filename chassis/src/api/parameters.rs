//! Extractors for the parameters of a request.

use axum::extract::Query as Pairs;
use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use contract::form::Form;
use contract::request::Request;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// The segments of a path as they are: a text, or a tuple of texts.
#[derive(Debug)]
pub struct Segments<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Segments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // A path that is not percent-encoded UTF-8 belongs to no resource.
        let segments = Path::<T>::from_request_parts(parts, state).await;
        segments
            .map(|Path(segments)| Self(segments))
            .map_err(|_| Problem::not_found("This path does not exist."))
    }
}

/// The parameters of a path, read as a request.
#[derive(Debug)]
pub struct PathParameters<T>(pub T);

impl<T: Request, S: Send + Sync> FromRequestParts<S> for PathParameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Segments(pairs) = Segments::<Vec<(String, String)>>::from_request_parts(parts, state).await?;
        Ok(Self(T::read(Form::path(pairs))?))
    }
}

/// The parameters of a query, as a form.
#[derive(Debug)]
pub struct Query(pub Form);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let pairs = Pairs::<Vec<(String, String)>>::from_request_parts(parts, state).await.map_err(|_| {
            let detail = "The query string cannot be decoded. Percent-encode it as UTF-8.";
            Problem::new(StatusCode::BAD_REQUEST, "malformed_query", detail)
        })?;
        Ok(Self(Form::query(pairs.0)))
    }
}
