//! The socket under a session, plain or TLS, read and written in one poll so that an idle connection holds no buffer.

use bytes::{Buf, BytesMut};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// A client's connection.
pub enum Stream {
    /// TCP.
    Plain(TcpStream),
    /// TLS over TCP.
    Tls(Box<Tls>),
}

/// A TLS connection, and whether records wait to be flushed.
pub struct Tls {
    io: TlsStream<TcpStream>,
    dirty: bool,
}

impl From<TlsStream<TcpStream>> for Stream {
    fn from(io: TlsStream<TcpStream>) -> Self {
        Self::Tls(Box::new(Tls { io, dirty: false }))
    }
}

/// What a turn brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// So many bytes came, and whether more may be at hand.
    Read(usize, bool),
    /// The client closed its side.
    Closed,
    /// All output went out.
    Written,
}

const FIRST_READ: usize = 2 * 1024;
const LARGEST_READ: usize = 64 * 1024;

impl Stream {
    /// Sends what it can of `output`; reads into `input` when `want_read`. Ready when something was read, or all was sent.
    pub fn poll_turn(
        &mut self,
        cx: &mut Context<'_>,
        input: &mut BytesMut,
        output: &mut BytesMut,
        want_read: bool,
    ) -> Poll<io::Result<Turn>> {
        let waits = !output.is_empty() || matches!(self, Self::Tls(tls) if tls.dirty);
        let wrote = waits && self.poll_send(cx, output)?.is_ready();
        if want_read {
            match self.poll_receive(cx, input) {
                Poll::Ready(Ok((0, _))) => return Poll::Ready(Ok(Turn::Closed)),
                Poll::Ready(Ok((n, more))) => return Poll::Ready(Ok(Turn::Read(n, more))),
                Poll::Ready(Err(e)) => return Poll::Ready(Err(e)),
                Poll::Pending => {}
            }
        }
        if wrote { Poll::Ready(Ok(Turn::Written)) } else { Poll::Pending }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, output: &mut BytesMut) -> Poll<io::Result<()>> {
        while !output.is_empty() {
            let n = match self {
                Self::Plain(tcp) => ready!(Pin::new(tcp).poll_write(cx, output))?,
                Self::Tls(tls) => {
                    tls.dirty = true;
                    ready!(Pin::new(&mut tls.io).poll_write(cx, output))?
                }
            };
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            output.advance(n);
        }
        if output.capacity() > FIRST_READ {
            *output = BytesMut::new();
        }
        match self {
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Tls(tls) => {
                ready!(Pin::new(&mut tls.io).poll_flush(cx))?;
                tls.dirty = false;
                Poll::Ready(Ok(()))
            }
        }
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>, input: &mut BytesMut) -> Poll<io::Result<(usize, bool)>> {
        let room = if input.is_empty() { FIRST_READ } else { input.len().next_power_of_two().clamp(FIRST_READ, LARGEST_READ) };
        match self {
            Self::Plain(tcp) => loop {
                ready!(tcp.poll_read_ready(cx))?;
                input.reserve(room);
                let free = input.capacity() - input.len();
                match tcp.try_read_buf(input) {
                    Ok(n) => return Poll::Ready(Ok((n, n == free))),
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                    Err(e) => return Poll::Ready(Err(e)),
                }
            },
            Self::Tls(tls) => {
                let start = input.len();
                input.resize(start + room, 0);
                let mut buf = ReadBuf::new(&mut input[start..]);
                let polled = Pin::new(&mut tls.io).poll_read(cx, &mut buf);
                let n = buf.filled().len();
                input.truncate(start + n);
                if input.is_empty() {
                    *input = BytesMut::new();
                }
                ready!(polled)?;
                Poll::Ready(Ok((n, n == room)))
            }
        }
    }

    /// Sends the rest, closes this side and reads until the client has closed its own: closing at once would reset the
    /// connection, and the client would never see the reason. The caller bounds the time.
    pub async fn close(&mut self, output: &mut BytesMut) -> io::Result<()> {
        match self {
            Self::Plain(tcp) => {
                tcp.write_all_buf(output).await?;
                tcp.shutdown().await?;
            }
            Self::Tls(tls) => {
                tls.io.write_all_buf(output).await?;
                tls.io.shutdown().await?;
            }
        }
        let mut sink = BytesMut::new();
        loop {
            sink.clear();
            match std::future::poll_fn(|cx| self.poll_receive(cx, &mut sink)).await? {
                (0, _) => return Ok(()),
                _ => continue,
            }
        }
    }
}
