//! A vehicle's fixes as ready MQTT 3.1.1 PUBLISH packets at QoS 1.

const LAT: &str = "42.507700";
const LON: &str = "1.521800";

/// The endless drive of one vehicle. Every fix differs in time and place; all are of one size, so that a packet is
/// made by overwriting digits.
pub struct Drive {
    packet: Vec<u8>,
    id_at: usize,
    time_at: usize,
    lat_at: usize,
    lon_at: usize,
    id: u16,
    time_ms: u64,
    step_ms: u64,
    turn: u64,
}

impl Drive {
    /// Fixes of `vehicle` from `start_ms` (Unix time) on, `step_ms` apart.
    pub fn new(vehicle: &str, start_ms: u64, step_ms: u64) -> Self {
        let topic = format!("v/{vehicle}/gps");
        let payload = format!(r#"{{"ts":{start_ms:013},"lat":{LAT},"lon":{LON},"speed_kmh":31.5,"course":271}}"#);
        let mut body = Vec::new();
        body.extend(u16::try_from(topic.len()).unwrap_or(u16::MAX).to_be_bytes());
        body.extend(topic.as_bytes());
        let id_in_body = body.len();
        body.extend([0, 1]);
        let payload_in_body = body.len();
        body.extend(payload.as_bytes());
        let mut packet = vec![0x32];
        put_length(&mut packet, body.len());
        let head = packet.len();
        packet.extend(body);
        let find = |what: &str| head + payload_in_body + payload.find(what).unwrap_or_default();
        Self {
            id_at: head + id_in_body,
            time_at: find("\"ts\":") + 5,
            lat_at: find(LAT) + 3,
            lon_at: find(LON) + 2,
            packet,
            id: 0,
            time_ms: start_ms,
            step_ms,
            turn: 0,
        }
    }

    /// Appends the next `count` packets to `out`.
    pub fn put(&mut self, count: u32, out: &mut Vec<u8>) {
        for _ in 0..count {
            self.id = if self.id == u16::MAX { 1 } else { self.id + 1 };
            self.packet[self.id_at..self.id_at + 2].copy_from_slice(&self.id.to_be_bytes());
            put_digits(&mut self.packet[self.time_at..self.time_at + 13], self.time_ms);
            // To and fro along a kilometre, about eight metres a fix.
            let along = self.turn % 256;
            let offset = if along < 128 { along } else { 255 - along };
            put_digits(&mut self.packet[self.lat_at..self.lat_at + 6], 507_700 + offset * 70);
            put_digits(&mut self.packet[self.lon_at..self.lon_at + 6], 521_800 + offset * 20);
            self.time_ms += self.step_ms;
            self.turn += 1;
            out.extend_from_slice(&self.packet);
        }
    }
}

fn put_digits(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
}

/// MQTT's variable length: seven bits a byte.
pub fn put_length(out: &mut Vec<u8>, mut length: usize) {
    loop {
        let low = u8::try_from(length % 128).unwrap_or(0);
        length /= 128;
        out.push(if length > 0 { low | 0x80 } else { low });
        if length == 0 {
            return;
        }
    }
}
