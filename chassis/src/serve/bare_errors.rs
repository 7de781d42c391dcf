//! Bodies for the responses that hyper writes itself.
//!
//! hyper answers a request that it cannot parse without calling the service, and without a body. This wrapper of a
//! connection replaces such a response, which hyper writes in one piece, by a problem.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::http::StatusCode;
use contract::problem;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::answers::PROTECTION;
use crate::problem::{HEADERS_TOO_LARGE, body_of};

/// The responses that hyper writes itself: the beginning of their first line, the code and the detail of the problem.
const BARE: [(&str, StatusCode, &str, &str); 2] = [
    (
        "HTTP/1.1 400 ",
        StatusCode::BAD_REQUEST,
        "malformed_request",
        "The request is not HTTP/1.1. Use an HTTP client.",
    ),
    ("HTTP/1.1 431 ", StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", HEADERS_TOO_LARGE),
];

/// A connection on which bare error responses get a body.
pub(super) struct WithBodies<T> {
    connection: T,
    /// The replacement of the response that hyper is writing, and the number of its bytes that were written.
    replacement: Option<(Vec<u8>, usize)>,
}

impl<T> WithBodies<T> {
    pub(super) fn new(connection: T) -> Self {
        Self { connection, replacement: None }
    }
}

/// The response with a body, if `written` is a bare error response.
fn replacement(written: &[u8]) -> Option<Vec<u8>> {
    if !written.starts_with(b"HTTP/1.1 4") {
        return None;
    }
    let text = std::str::from_utf8(written).ok()?;
    let head = text.strip_suffix("\r\n\r\n")?;
    let (_, status, code, detail) = BARE.iter().find(|(line, ..)| head.starts_with(line))?;
    let is_bare = |line: &str| line.eq_ignore_ascii_case("content-length: 0");
    if !head.split("\r\n").any(is_bare) {
        return None;
    }
    let body = body_of(*status, code, detail);
    let head: Vec<_> = head.split("\r\n").filter(|line| !is_bare(line)).collect();
    let protection =
        PROTECTION.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap_or_default()));
    let head = head.into_iter().map(str::to_owned).chain(protection).collect::<Vec<_>>().join("\r\n");
    let length = body.len();
    let whole = format!(
        "{head}\r\ncontent-type: {}\r\ncontent-length: {length}\r\n\r\n{body}",
        problem::CONTENT_TYPE
    );
    Some(whole.into_bytes())
}

impl<T: AsyncRead + Unpin> AsyncRead for WithBodies<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for WithBodies<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.replacement.is_none() {
            match replacement(buf) {
                Some(bytes) => this.replacement = Some((bytes, 0)),
                None => return Pin::new(&mut this.connection).poll_write(cx, buf),
            }
        }
        while let Some((bytes, written)) = &mut this.replacement {
            if *written == bytes.len() {
                this.replacement = None;
                break;
            }
            match ready!(Pin::new(&mut this.connection).poll_write(cx, &bytes[*written..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                more => *written += more,
            }
        }
        // hyper must believe that its own bytes were written.
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // A bare error response is a single buffer.
        match bufs {
            [one] => self.poll_write(cx, one),
            many => Pin::new(&mut self.connection).poll_write_vectored(cx, many),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.connection.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_shutdown(cx)
    }
}
