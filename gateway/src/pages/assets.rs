//! What pages load: a stylesheet and a script, under names that change with their content.

use std::sync::LazyLock;

use axum::extract::{Path, Request};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName};
use axum::response::{IntoResponse as _, Response};
use chassis::body::read_body;
use chassis::problem::Problem;
use sha2::{Digest as _, Sha256};

use super::accent;

/// Files under a name with their hash never change.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// The script for sites of restaurants keeps its name.
const FOR_AN_HOUR: &str = "public, max-age=3600";

const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// The policy of a worker is that of its script: it makes requests to the gateway only. Browsers ignore it on other files.
const WORKER_POLICY: (HeaderName, &str) = (CONTENT_SECURITY_POLICY, "default-src 'none'; connect-src 'self'");

/// Other sites may load it.
const ANY_SITE: (HeaderName, &str) =
    (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin");

/// Maximum number of characters of a directive in the log.
const DIRECTIVE_CHARS_MAX: usize = 40;

/// A file that is a part of the binary.
pub(super) struct Asset {
    name: String,
    media_type: &'static str,
    content: &'static str,
}

impl Asset {
    fn new(stem: &str, extension: &str, media_type: &'static str, content: &'static str) -> Self {
        let hash = hex::encode(&Sha256::digest(content)[..6]);
        Self { name: format!("{stem}-{hash}.{extension}"), media_type, content }
    }

    /// Its path.
    pub(super) fn path(&self) -> String {
        format!("/assets/{}", self.name)
    }
}

/// The stylesheet of all pages.
pub(super) static STYLE: LazyLock<Asset> = LazyLock::new(|| Asset::new("style", "css", CSS, people::STYLE));
/// The script of all pages.
pub(super) static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("meja", "js", JAVASCRIPT, include_str!("../../assets/meja.js")));

/// The stylesheet of the stand.
pub(super) static CLIENT_STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("stand", "css", CSS, include_str!("../../client/dist/stand.css")));
/// The client of the stand, built from `gateway/client`.
pub(super) static CLIENT_SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("stand", "js", JAVASCRIPT, include_str!("../../client/dist/stand.js")));

/// The script of the worker that follows the feed for all windows of a browser, built from `gateway/client`.
pub(super) static STREAM_SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("stream", "js", JAVASCRIPT, include_str!("../../client/dist/stream.js")));

/// The stylesheet of the rules editor, which is on top of that of the stand.
pub(super) static RULES_STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("rules", "css", CSS, include_str!("../../client/dist/rules.css")));
/// The rules editor, built from `gateway/client`.
pub(super) static RULES_SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("rules", "js", JAVASCRIPT, include_str!("../../client/dist/rules.js")));

/// The stylesheet of the audit, which is on top of that of the stand.
pub(super) static AUDIT_STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("audit", "css", CSS, include_str!("../../client/dist/audit.css")));
/// The audit, built from `gateway/client`.
pub(super) static AUDIT_SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("audit", "js", JAVASCRIPT, include_str!("../../client/dist/audit.js")));

/// The script that checks a receipt, built from `gateway/client`.
pub(super) static RECEIPT_SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("receipt", "js", JAVASCRIPT, include_str!("../../client/dist/receipt.js")));

/// The stylesheet of the numbers, which is on top of that of all pages.
pub(super) static NUMBERS_STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("numbers", "css", CSS, include_str!("../../assets/numbers.css")));

/// A file that pages load.
pub(super) async fn asset(Path(name): Path<String>) -> Response {
    let fixed: [&LazyLock<Asset>; 11] = [
        &STYLE,
        &SCRIPT,
        &CLIENT_STYLE,
        &CLIENT_SCRIPT,
        &STREAM_SCRIPT,
        &RULES_STYLE,
        &RULES_SCRIPT,
        &AUDIT_STYLE,
        &AUDIT_SCRIPT,
        &RECEIPT_SCRIPT,
        &NUMBERS_STYLE,
    ];
    let fixed = fixed.into_iter().find(|asset| asset.name == name);
    let found = fixed.map(|asset| (asset.media_type, asset.content.to_owned()));
    match found.or_else(|| Some((CSS, accent::stylesheet(&name)?))) {
        Some((media_type, content)) => {
            ([(CONTENT_TYPE, media_type), (CACHE_CONTROL, FOR_EVER), WORKER_POLICY], content).into_response()
        }
        None => Problem::not_found("There is no such file. Load the page again.").into_response(),
    }
}

/// The script with which a restaurant shows a widget on its own site.
pub(super) async fn embed() -> Response {
    let content = include_str!("../../assets/embed.js");
    ([(CONTENT_TYPE, JAVASCRIPT), (CACHE_CONTROL, FOR_AN_HOUR), ANY_SITE], content).into_response()
}

/// The script that keeps the page of the stand in the browser. A new one counts at once.
pub(super) async fn stand_worker() -> Response {
    let content = include_str!("../../assets/stand-worker.js");
    ([(CONTENT_TYPE, JAVASCRIPT), (CACHE_CONTROL, "no-cache"), WORKER_POLICY], content).into_response()
}

/// Counts what a browser refused to load because of the content security policy. Of a report only the directive is logged: its
/// other members can contain links, and anyone can send them.
pub(super) async fn violation(request: Request) -> Response {
    let report = match read_body(request.into_body()).await {
        Ok(report) => report,
        Err(problem) => return problem.into_response(),
    };
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap_or_default();
    let directive = report["csp-report"]["effective-directive"].as_str().unwrap_or_default();
    let directive: String =
        directive.chars().filter(|c| c.is_ascii_lowercase() || *c == '-').take(DIRECTIVE_CHARS_MAX).collect();
    metrics::counter!("meja_csp_violations_total").increment(1);
    tracing::debug!(directive, "a page tried to load something that its policy does not allow");
    StatusCode::NO_CONTENT.into_response()
}
