//! A mail server of a test: takes what it is told to, and keeps it.
#![expect(clippy::disallowed_methods, reason = "a test is its own app")]

use super::port::Closed;
use super::tls::localhost;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

/// A letter as it came.
#[derive(Clone, Debug)]
pub struct Letter {
    pub from: String,
    pub to: String,
    /// Head and body, with CRLF.
    pub data: String,
}

impl Letter {
    /// A line of its head.
    pub fn header(&self, name: &str) -> &str {
        let head = self.data.split("\r\n\r\n").next().unwrap();
        let line = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("no {name} in {head}"))
    }
}

/// What the server says to the next letters instead of taking them.
#[derive(Clone, Debug)]
pub enum Manner {
    /// Answers the recipient with that, like `550 no such user`.
    ToRecipient(&'static str),
    /// Takes the whole letter and answers that, like `451 later`.
    ToLetter(&'static str),
    /// Takes the whole letter, and says nothing until [`Smtp::release`].
    Silence,
}

#[derive(Default)]
struct Kept {
    letters: Vec<Letter>,
    manners: VecDeque<Manner>,
    logins: Vec<String>,
}

/// How it speaks TLS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tls {
    /// From the first byte.
    Implicit,
    /// When it is asked to, and before that it takes no letter.
    Start,
}

trait Line: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Line for T {}

/// The server; it ends with the test.
#[derive(Clone)]
pub struct Smtp {
    pub port: u16,
    tls: Option<(Tls, TlsAcceptor)>,
    kept: Arc<Mutex<Kept>>,
    release: Arc<Notify>,
}

impl Smtp {
    pub async fn start() -> Self {
        Self::start_at(Closed::new().open())
    }

    /// One that listens there.
    pub fn start_at(listener: TcpListener) -> Self {
        Self::start_with(listener, None)
    }

    /// One that speaks TLS as `localhost`, and its certificate in PEM.
    pub fn start_tls(tls: Tls) -> (Self, String) {
        let (acceptor, own) = localhost();
        (Self::start_with(Closed::new().open(), Some((tls, acceptor))), own)
    }

    fn start_with(listener: TcpListener, tls: Option<(Tls, TlsAcceptor)>) -> Self {
        let this = Self { port: listener.local_addr().unwrap().port(), tls, kept: Arc::default(), release: Arc::default() };
        let server = this.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let session = server.clone();
                tokio::spawn(async move {
                    match session.tls.clone() {
                        Some((Tls::Implicit, acceptor)) => session.serve(Box::new(acceptor.accept(stream).await?)).await,
                        _ => session.serve(Box::new(stream)).await,
                    }
                });
            }
        });
        this
    }

    /// The settings that name it.
    pub fn settings(&self) -> Vec<String> {
        vec![format!("MAIL__SMTP_URL=smtp://127.0.0.1:{}", self.port), "MAIL__FROM=depot@depot.example".to_owned()]
    }
    /// The next letters are treated so, one after the other.
    pub fn be(&self, manners: impl IntoIterator<Item = Manner>) {
        self.kept.lock().unwrap().manners.extend(manners);
    }
    /// Has all that was to be done to letters been done?
    pub fn is_through(&self) -> bool {
        self.kept.lock().unwrap().manners.is_empty()
    }
    /// Lets those who wait have their answer.
    pub fn release(&self) {
        self.release.notify_waiters();
    }
    /// What came so far and was read whole, also what was answered with an error or not at all.
    pub fn letters(&self) -> Vec<Letter> {
        self.kept.lock().unwrap().letters.clone()
    }
    /// What clients gave with AUTH PLAIN.
    pub fn logins(&self) -> Vec<String> {
        self.kept.lock().unwrap().logins.clone()
    }

    async fn serve(&self, stream: Box<dyn Line>) -> std::io::Result<()> {
        let mut line = BufReader::new(stream);
        line.write_all(b"220 mail.example ESMTP\r\n").await?;
        let (mut from, mut to, mut text) = (String::new(), String::new(), String::new());
        let mut starts = self.tls.clone().filter(|(tls, _)| *tls == Tls::Start);
        loop {
            text.clear();
            if line.read_line(&mut text).await? == 0 {
                return Ok(());
            }
            let said = text.trim_end().to_owned();
            let argument = || said.split_once(':').map_or("", |(_, rest)| rest).trim_matches(['<', '>', ' ']).to_owned();
            let answer = match said.split([' ', ':']).next().unwrap().to_uppercase().as_str() {
                "EHLO" if starts.is_some() => "250-mail.example\r\n250 STARTTLS",
                "STARTTLS" if let Some((_, acceptor)) = starts.take() => {
                    line.write_all(b"220 go on\r\n").await?;
                    line = BufReader::new(Box::new(acceptor.accept(line.into_inner()).await?));
                    continue;
                }
                "MAIL" | "AUTH" if starts.is_some() => "530 STARTTLS first",
                "EHLO" => "250-mail.example\r\n250-AUTH PLAIN\r\n250 8BITMIME",
                "AUTH" => {
                    self.kept.lock().unwrap().logins.push(said.clone());
                    "235 welcome"
                }
                "MAIL" => {
                    from = argument();
                    "250 ok"
                }
                "RCPT" => {
                    to = argument();
                    match self.next_if(|manner| matches!(manner, Manner::ToRecipient(_))) {
                        Some(Manner::ToRecipient(answer)) => answer,
                        _ => "250 ok",
                    }
                }
                "DATA" => {
                    line.write_all(b"354 go on\r\n").await?;
                    let mut data = String::new();
                    while !data.ends_with("\r\n.\r\n") {
                        if line.read_line(&mut data).await? == 0 {
                            return Ok(());
                        }
                    }
                    let manner = self.next_if(|manner| !matches!(manner, Manner::ToRecipient(_)));
                    let released = self.release.notified();
                    let letter = Letter { from: from.clone(), to: to.clone(), data };
                    self.kept.lock().unwrap().letters.push(letter);
                    match manner {
                        Some(Manner::ToLetter(answer)) => answer,
                        Some(_) => {
                            released.await;
                            "250 taken"
                        }
                        None => "250 taken",
                    }
                }
                "QUIT" => {
                    line.write_all(b"221 bye\r\n").await?;
                    return Ok(());
                }
                _ => "250 ok",
            };
            line.write_all(format!("{answer}\r\n").as_bytes()).await?;
        }
    }

    fn next_if(&self, fits: impl Fn(&Manner) -> bool) -> Option<Manner> {
        let mut kept = self.kept.lock().unwrap();
        if kept.manners.front().is_some_and(fits) { kept.manners.pop_front() } else { None }
    }
}
