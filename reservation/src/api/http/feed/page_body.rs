//! A page of the feed as a response body: the stored bytes between brackets. They are not copied.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use events::store::Page;
use http_body::{Body, Frame, SizeHint};

/// A JSON array in pieces.
pub(super) struct PageBody {
    pieces: std::vec::IntoIter<Bytes>,
    left_bytes: u64,
}

impl PageBody {
    /// The body with the events of `page`.
    pub(super) fn new(page: Page) -> Self {
        let chunks = page.into_chunks();
        let mut pieces = Vec::with_capacity(chunks.len() + 2);
        pieces.push(Bytes::from_static(b"["));
        pieces.extend(chunks);
        // There is no comma before the first event.
        if let Some(first) = pieces.get_mut(1) {
            first.advance(1);
        }
        pieces.push(Bytes::from_static(b"]"));
        let left_bytes = pieces.iter().map(|piece| piece.len() as u64).sum();
        Self { pieces: pieces.into_iter(), left_bytes }
    }
}

impl Body for PageBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.pieces.next();
        if let Some(piece) = &piece {
            self.left_bytes -= piece.remaining() as u64;
        }
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.len() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left_bytes)
    }
}
