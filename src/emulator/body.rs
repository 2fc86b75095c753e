//! The body of a response: whole, or cut off before its stated length.

use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use thiserror::Error;

#[derive(Debug)]
pub(super) struct ResponseBody {
    data: Option<Bytes>,
    /// Number of bytes in the stated length that are never sent.
    missing: u64,
    /// Whether hyper had the chance to flush `data`.
    flushed: bool,
}

/// Makes hyper close the connection.
#[derive(Debug, Error)]
#[error("the connection is cut on purpose")]
pub(super) struct ConnectionCut;

impl ResponseBody {
    pub(super) fn whole(data: Bytes) -> Self {
        Self { data: Some(data).filter(|data| !data.is_empty()), missing: 0, flushed: false }
    }

    /// Sends only the first half. The stated length is at least two.
    pub(super) fn half(data: &Bytes) -> Self {
        let sent = data.slice(..data.len() / 2);
        let missing = u64::try_from(data.len() - sent.len()).unwrap_or_default().max(2);
        Self { missing, ..Self::whole(sent) }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = ConnectionCut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ConnectionCut>>> {
        if let Some(data) = self.data.take() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if self.missing == 0 {
            return Poll::Ready(None);
        }
        if !self.flushed {
            // hyper drops its buffer when a body fails, and flushes it when a body is not ready.
            self.flushed = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(ConnectionCut)))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && self.missing == 0
    }

    fn size_hint(&self) -> SizeHint {
        let data = self.data.as_ref().map_or(0, Bytes::len);
        SizeHint::with_exact(u64::try_from(data).unwrap_or_default() + self.missing)
    }
}
