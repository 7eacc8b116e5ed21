//! A body that nobody reads to its end is taken and thrown away, so that its sender gets to read why.
//!
//! Without it, TCP answers what still comes with a reset, and a phone that sends too large a photo takes its 413 for a broken
//! line and sends it again and again. Other servers call it a lingering close.

use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::mpsc;

/// What is thrown away at most; more is a broken connection after all.
const BYTES: usize = 16 << 20;
const TIME: Duration = Duration::from_secs(10);

/// Where the connection takes what nobody read.
pub type Unread = mpsc::Sender<Incoming>;

/// A body that goes there when it is dropped before its end.
#[derive(Debug)]
struct Lingering {
    body: Option<Incoming>,
    unread: Unread,
}

/// `body` of a request with these headers. Who waits to be asked for it (`Expect`) has not sent it: that one is just dropped.
pub fn body(body: Incoming, headers: &HeaderMap, unread: &Unread) -> axum::body::Body {
    if body.is_end_stream() || headers.contains_key(header::EXPECT) {
        return axum::body::Body::new(body);
    }
    axum::body::Body::new(Lingering { body: Some(body), unread: unread.clone() })
}

/// Throws away what comes, up to a bound.
pub async fn drain(mut unread: mpsc::Receiver<Incoming>) {
    while let Some(body) = unread.recv().await {
        let mut rest = Limited::new(body, BYTES);
        let all = async { while let Some(Ok(_)) = rest.frame().await {} };
        if tokio::time::timeout(TIME, all).await.is_err() {
            tracing::debug!("a body that nobody wants takes too long");
        }
    }
}

impl Body for Lingering {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(frame)
    }
    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }
    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) {
            // There is place: a connection has one request at a time. Is it full or gone, the body is dropped as ever.
            drop(self.unread.try_send(body));
        }
    }
}
