//! The pages to which the `type` of a problem refers.

use axum::Json;
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse as _, Response};
use contract::problem::kinds::{self, Kind, KindPath};

use crate::api::{PathParameters, accepts_html};
use crate::problem::Problem;

/// `GET /problems`: all kinds.
pub(super) async fn list(headers: HeaderMap) -> Response {
    respond(&headers, kinds::ALL)
}

/// `GET /problems/{code}`: one kind.
pub(super) async fn one(
    PathParameters(KindPath { code }): PathParameters<KindPath>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let code = code.as_str();
    let kind = kinds::find(code);
    let kind = kind
        .ok_or_else(|| Problem::not_found(format!("There is no kind of problem {code:?}. See /problems.")))?;
    Ok(respond(&headers, std::slice::from_ref(kind)))
}

fn respond(headers: &HeaderMap, found: &[Kind]) -> Response {
    let vary = [(header::VARY, "accept")];
    match (accepts_html(headers), found) {
        (true, found) => (vary, Html(page(found))).into_response(),
        (false, [one]) => (vary, Json(one)).into_response(),
        (false, all) => (vary, Json(all)).into_response(),
    }
}

/// The kinds as a page. Their texts are constants without markup.
fn page(found: &[Kind]) -> String {
    let style = "font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:6vh auto;padding:0 1rem";
    let section = |kind: &Kind| {
        let Kind { code, status, meaning, remedy } = kind;
        format!("<h2 id=\"{code}\"><code>{code}</code> ({status})</h2>\n<p>{meaning}</p>\n<p>{remedy}</p>\n")
    };
    let sections: String = found.iter().map(section).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Problems</title>\n\
         <body style=\"{style}\">\n<h1>Problems</h1>\n{sections}</body>\n</html>\n"
    )
}
