//! An official client in its own process.
#![allow(dead_code, clippy::allow_attributes, reason = "each test file uses its part")]

use super::common::{Depot, PATIENCE};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use tokio::sync::mpsc;

/// Whose client it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Make {
    Node,
    Python,
}

/// A client; dropping it leaves.
pub struct Client {
    child: Child,
    stdin: Option<ChildStdin>,
    said: mpsc::UnboundedReceiver<Value>,
    kept: Vec<Value>,
    next: u64,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

fn program(make: Make) -> Command {
    match make {
        Make::Node => {
            assert!(root().join("web/node_modules/socket.io-client").exists(), "socket.io-client is missing: run `npm ci` in web/");
            let mut node = Command::new("node");
            node.arg(root().join("web/e2e/socket-client.mjs"));
            node
        }
        Make::Python => {
            let python = root().join("target/tools/socketio/bin/python");
            assert!(python.exists(), "python-socketio is missing: run .ci/tools");
            let mut command = Command::new(python);
            command.arg(root().join("tests/sockets/client.py"));
            command
        }
    }
}

/// How to connect.
pub struct With {
    pub make: Make,
    pub transport: &'static str,
    pub auth: Value,
    pub headers: Value,
    /// Does it call back when it gets a command?
    pub calls_back: bool,
}

impl With {
    pub fn auth(make: Make, transport: &'static str, auth: Value) -> Self {
        Self { make, transport, auth, headers: json!({}), calls_back: true }
    }
    pub fn token(token: &str) -> Self {
        Self::auth(Make::Node, "websocket", json!({ "token": token }))
    }
}

impl Client {
    /// Starts one; what happens first is to be asked of it.
    pub fn start(depot: &Depot, with: With) -> Self {
        let mut child = program(with.make)
            .arg(format!("http://{}", depot.address("http")))
            .args([with.transport, &with.auth.to_string(), &with.headers.to_string(), if with.calls_back { "yes" } else { "no" }])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (send, said) = mpsc::unbounded_channel();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = send.send(serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}")));
            }
        });
        Self { stdin: child.stdin.take(), child, said, kept: Vec::new(), next: 0 }
    }

    /// Starts one and waits until it is connected.
    pub async fn connected(depot: &Depot, with: With) -> Self {
        let mut client = Self::start(depot, with);
        client.until(|said| said["is"] == "connected").await;
        client
    }

    /// The next thing that fits; others are kept for later.
    pub async fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.kept.iter().position(&fits) {
            return self.kept.remove(at);
        }
        let wait = async {
            loop {
                let said = self.said.recv().await.expect("the client to live");
                if fits(&said) {
                    return said;
                }
                self.kept.push(said);
            }
        };
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(said) => said,
            Err(_) => panic!("it did not come; there was {:#?}", self.kept),
        }
    }

    /// The next event of that name, and what came with it.
    pub async fn event(&mut self, name: &str) -> Value {
        self.until(|said| said["is"] == name).await["data"].take()
    }

    /// What came so far and nobody asked for.
    pub fn kept(&mut self) -> &[Value] {
        while let Ok(said) = self.said.try_recv() {
            self.kept.push(said);
        }
        &self.kept
    }

    /// Says something, without waiting for the answer.
    pub fn say(&mut self, event: &str, body: &Value) -> u64 {
        self.next += 1;
        let line = json!({"emit": event, "body": body, "id": self.next});
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
        self.next
    }

    /// Says something and gives the answer, with the time when it came.
    pub async fn ask(&mut self, event: &str, body: Value) -> Value {
        let id = self.say(event, &body);
        self.until(|said| said["is"] == "answer" && said["id"] == id).await["data"].take()
    }

    /// The same, of what is to be taken.
    pub async fn ok(&mut self, event: &str, body: Value) -> Value {
        let said = self.ask(event, body.clone()).await;
        assert_eq!(said["ok"], true, "{event} {body}: {said}");
        said
    }

    /// The same, of what is to be refused: why.
    pub async fn refused(&mut self, event: &str, body: Value) -> String {
        let said = self.ask(event, body.clone()).await;
        assert_eq!(said["ok"], false, "{event} {body}: {said}");
        said["error"].as_str().unwrap().to_owned()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
