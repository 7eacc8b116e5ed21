//! What this machine is called.

use std::net::{IpAddr, UdpSocket};

/// `localhost`, the host's name (also under `.local`), loopback, and the address it reaches the network with.
pub fn names() -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_lowercase();
    if !host.is_empty() && host.is_ascii() && host != "localhost" {
        names.insert(0, host.clone());
        if !host.contains('.') {
            names.push(format!("{host}.local"));
        }
    }
    names.extend(outward().map(|address| address.to_string()));
    names
}

/// The address it reaches the network with, when there is a network.
pub fn outward() -> Option<IpAddr> {
    // Connecting a UDP socket sends nothing; it only chooses the local address.
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}
