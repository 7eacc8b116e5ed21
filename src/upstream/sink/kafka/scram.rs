//! The depot's side of SCRAM (RFC 5802, RFC 7677): it proves that it knows the password without sending it, and so does the broker.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac, pbkdf2};
use std::num::NonZeroU32;

/// More rounds than any broker asks for; without a bound a stranger could keep the depot busy.
const MAX_ROUNDS: u32 = 1_000_000;

/// Which hash.
#[derive(Clone, Copy)]
pub enum Hash {
    Sha256,
    Sha512,
}

/// An exchange under way.
pub struct Scram<'a> {
    hash: Hash,
    secret: &'a str,
    nonce: String,
    first: String,
    expected: Vec<u8>,
}

impl<'a> Scram<'a> {
    /// Of `user` with `secret`; `nonce` is printable and drawn anew each time.
    pub fn new(hash: Hash, user: &str, secret: &'a str, nonce: &str) -> Self {
        let user = user.replace('=', "=3D").replace(',', "=2C");
        Self { hash, secret, nonce: nonce.to_owned(), first: format!("n={user},r={nonce}"), expected: Vec::new() }
    }

    /// What the depot says first.
    pub fn hello(&self) -> String {
        format!("n,,{}", self.first)
    }

    /// What it says to the broker's challenge.
    pub fn proof(&mut self, challenge: &str) -> Result<String, String> {
        let nonce = part(challenge, "r=")?;
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err("the challenge is an answer to somebody else".into());
        }
        let salt = STANDARD.decode(part(challenge, "s=")?).map_err(|e| e.to_string())?;
        let rounds = part(challenge, "i=")?.parse().ok().filter(|rounds| *rounds <= MAX_ROUNDS).and_then(NonZeroU32::new);
        let salted = self.salted(&salt, rounds.ok_or_else(|| format!("it asks for more than {MAX_ROUNDS} rounds, or none"))?);
        let client = self.mac(&salted, b"Client Key");
        let stored = digest::digest(self.digest(), &client);
        let rest = format!("c=biws,r={nonce}");
        let said = format!("{},{challenge},{rest}", self.first);
        let signature = self.mac(stored.as_ref(), said.as_bytes());
        let proof: Vec<u8> = client.iter().zip(&signature).map(|(key, sign)| key ^ sign).collect();
        self.expected = self.mac(&self.mac(&salted, b"Server Key"), said.as_bytes());
        Ok(format!("{rest},p={}", STANDARD.encode(proof)))
    }

    /// Does the broker know the password too?
    pub fn check(&self, last: &str) -> Result<(), String> {
        let signature = STANDARD.decode(part(last, "v=")?).map_err(|e| e.to_string())?;
        if self.expected.is_empty() || signature != self.expected {
            return Err("the broker does not know the secret itself".into());
        }
        Ok(())
    }

    fn digest(&self) -> &'static digest::Algorithm {
        match self.hash {
            Hash::Sha256 => &digest::SHA256,
            Hash::Sha512 => &digest::SHA512,
        }
    }

    fn mac(&self, key: &[u8], text: &[u8]) -> Vec<u8> {
        let algorithm = match self.hash {
            Hash::Sha256 => hmac::HMAC_SHA256,
            Hash::Sha512 => hmac::HMAC_SHA512,
        };
        hmac::sign(&hmac::Key::new(algorithm, key), text).as_ref().to_vec()
    }

    fn salted(&self, salt: &[u8], rounds: NonZeroU32) -> Vec<u8> {
        let algorithm = match self.hash {
            Hash::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Hash::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        };
        let mut salted = vec![0; self.digest().output_len()];
        pbkdf2::derive(algorithm, rounds, salt, self.secret.as_bytes(), &mut salted);
        salted
    }
}

fn part<'a>(text: &'a str, name: &str) -> Result<&'a str, String> {
    if let Some(refused) = text.strip_prefix("e=") {
        return Err(refused.to_owned());
    }
    text.split(',').find_map(|part| part.strip_prefix(name)).ok_or_else(|| format!("there is no {name} in {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exchange of RFC 7677, section 3.
    #[test]
    fn the_standards_own_example_is_answered_as_it_says() {
        let mut scram = Scram::new(Hash::Sha256, "user", "pencil", "rOprNGfwEbeRWgbNEkqO");
        assert_eq!(scram.hello(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        assert!(scram.check("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").is_err(), "nothing was asked yet");
        let challenge = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let proof = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        assert_eq!(scram.proof(challenge).unwrap(), proof);
        scram.check("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").unwrap();
        assert!(scram.check("v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").is_err());
        assert_eq!(scram.check("e=invalid-proof").unwrap_err(), "invalid-proof");
    }

    #[test]
    fn challenges_that_could_hurt_are_refused() {
        let proof = |challenge: &str| Scram::new(Hash::Sha512, "a,b=c", "x", "abc").proof(challenge);
        assert_eq!(Scram::new(Hash::Sha512, "a,b=c", "x", "abc").hello(), "n,,n=a=2Cb=3Dc,r=abc");
        assert!(proof("r=abcd,s=AAAA,i=4096").is_ok());
        for wrong in
            ["r=abc,s=AAAA,i=4096", "r=xyzd,s=AAAA,i=4096", "r=abcd,s=?,i=4096", "r=abcd,s=AAAA,i=0", "r=abcd,s=AAAA,i=99000000", ""]
        {
            assert!(proof(wrong).is_err(), "{wrong}");
        }
    }
}
