//! What a push service carries and cannot read: RFC 8291 over the content coding `aes128gcm` (RFC 8188), in one record.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::error::Unspecified;
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use ring::rand::{SecureRandom, SystemRandom};

/// Bytes of a point of P-256, uncompressed.
const POINT: usize = 65;
/// Bytes of an authentication secret, and of a salt.
const SECRET: usize = 16;
/// Bytes of a body, which is what every push service takes (RFC 8291, 4); as a record size it says that there is one record.
const BODY: u32 = 4_096;
/// Bytes that may be said: a body without its header, delimiter and tag.
pub const MOST: usize = BODY as usize - (SECRET + 4 + 1 + POINT) - 1 - 16;
/// Ends the last record.
const DELIMITER: u8 = 2;

/// What a browser gives to those who may tell it something.
#[derive(Clone, Copy)]
pub struct Keys {
    public: [u8; POINT],
    auth: [u8; SECRET],
}

impl Keys {
    /// Reads `p256dh` and `auth` in base64url; an error names the one that is none.
    pub fn parse(p256dh: &str, auth: &str) -> Result<Self, (&'static str, &'static str)> {
        let wrong = ("p256dh", "must be a public key of P-256, uncompressed, in base64url without padding");
        let public = bytes(p256dh).ok_or(wrong)?;
        let mine = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new());
        // Whether it is a point of the curve shows when it is used.
        mine.and_then(|mine| agree_ephemeral(mine, &UnparsedPublicKey::new(&ECDH_P256, public), |_| ())).map_err(|_| wrong)?;
        let auth = bytes(auth).ok_or(("auth", "must be 16 bytes in base64url without padding"))?;
        Ok(Self { public, auth })
    }
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// The body of a push message that only the owner of `keys` reads. [`MOST`] bytes at most.
pub fn encrypt(plain: &[u8], keys: &Keys) -> Result<Vec<u8>, Unspecified> {
    let random = SystemRandom::new();
    let mine = EphemeralPrivateKey::generate(&ECDH_P256, &random)?;
    let (public, mut salt) = (mine.compute_public_key()?, [0; SECRET]);
    random.fill(&mut salt)?;
    agree_ephemeral(mine, &UnparsedPublicKey::new(&ECDH_P256, keys.public), |shared| body(plain, keys, shared, public.as_ref(), salt))?
}

/// The body, by what both sides come to share, the sender's public key and a salt.
fn body(plain: &[u8], keys: &Keys, shared: &[u8], public: &[u8], salt: [u8; SECRET]) -> Result<Vec<u8>, Unspecified> {
    if plain.len() > MOST {
        return Err(Unspecified);
    }
    let secret: [u8; 32] = derive(&keys.auth, shared, &[b"WebPush: info\0", &keys.public, public])?;
    let key: [u8; 16] = derive(&salt, &secret, &[b"Content-Encoding: aes128gcm\0"])?;
    let nonce: [u8; NONCE_LEN] = derive(&salt, &secret, &[b"Content-Encoding: nonce\0"])?;
    let mut record = [plain, &[DELIMITER]].concat();
    LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key)?).seal_in_place_append_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::empty(),
        &mut record,
    )?;
    let id_length = u8::try_from(public.len()).map_err(|_| Unspecified)?;
    Ok([&salt, &BODY.to_be_bytes()[..], &[id_length], public, &record].concat())
}

struct Length(usize);
impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF with SHA-256 (RFC 5869).
fn derive<const N: usize>(salt: &[u8], secret: &[u8], info: &[&[u8]]) -> Result<[u8; N], Unspecified> {
    let mut out = [0; N];
    Salt::new(HKDF_SHA256, salt).extract(secret).expand(info, Length(N))?.fill(&mut out)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

    /// RFC 8291, section 5 and appendix A.
    #[test]
    fn the_standards_own_example_is_encrypted_as_it_says() {
        let keys = Keys::parse(PUBLIC, AUTH).unwrap();
        let shared = URL_SAFE_NO_PAD.decode("kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs").unwrap();
        let mine = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";
        let mine = URL_SAFE_NO_PAD.decode(mine).unwrap();
        let salt = bytes("DGv6ra1nlYgDCS1FRnbzlw").unwrap();
        let body = body(b"When I grow up, I want to be a watermelon", &keys, &shared, &mine, salt).unwrap();
        let expected = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_\
                        yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
        assert_eq!(URL_SAFE_NO_PAD.encode(body), expected);
    }

    #[test]
    fn a_body_is_never_longer_than_push_services_take_nor_twice_the_same() {
        let keys = Keys::parse(PUBLIC, AUTH).unwrap();
        let longest = vec![b'x'; MOST];
        let body = encrypt(&longest, &keys).unwrap();
        assert_eq!(body.len(), 4_096);
        assert_ne!(body, encrypt(&longest, &keys).unwrap());
        assert!(encrypt(&vec![b'x'; MOST + 1], &keys).is_err());
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let mut off = bytes::<POINT>(PUBLIC).unwrap();
        off[64] ^= 1;
        let off = URL_SAFE_NO_PAD.encode(off);
        for (public, auth, wrong) in
            [(off.as_str(), AUTH, "p256dh"), ("?", AUTH, "p256dh"), (&PUBLIC[4..], AUTH, "p256dh"), (PUBLIC, "AAAA", "auth")]
        {
            assert_eq!(Keys::parse(public, auth).err().map(|(field, _)| field), Some(wrong), "{public} {auth}");
        }
    }
}
