//! A port that is a test's own before anybody listens there.

use tokio::net::{TcpListener, TcpSocket};

/// It is bound, so nobody else gets it; who connects is refused.
pub struct Closed(TcpSocket);

impl Closed {
    pub fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        Self(socket)
    }
    pub fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }
    pub fn open(self) -> TcpListener {
        self.0.listen(1_024).unwrap()
    }
}
