//! A document's shell: its blocks run one after the other in one bash, as a reader would type them.

use super::common::PATIENCE;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// A fenced block: what stands behind its fence, and what is in it.
#[derive(Debug)]
pub struct Block {
    pub info: String,
    pub text: String,
    /// The line that its fence is on.
    pub line: usize,
}

/// The fenced blocks of a Markdown document.
pub fn blocks(document: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut lines = document.lines().zip(1..);
    while let Some((fence, line)) = lines.next() {
        let Some(info) = fence.strip_prefix("```") else { continue };
        let text: Vec<_> = lines.by_ref().take_while(|(each, _)| *each != "```").map(|(each, _)| each).collect();
        found.push(Block { info: info.to_owned(), text: text.join("\n"), line });
    }
    found
}

/// Does `line` say what `shown` does, in which `…` stands for anything?
pub fn fits(shown: &str, line: &str) -> bool {
    let mut parts = shown.split('…');
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// The shell; it and all that it started end with it.
pub struct Shell {
    bash: Child,
    stdin: ChildStdin,
    said: Receiver<String>,
    dir: PathBuf,
}

impl Shell {
    /// Starts one in `dir`, which finds programs in `bin` first and has these variables.
    pub fn start(dir: &Path, bin: &Path, variables: &[(&str, &Path)]) -> Self {
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let mut bash = Command::new("setsid")
            .args(["bash", "-o", "pipefail"])
            .current_dir(dir)
            .env("PATH", path)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let (send, said) = channel();
        let lines = BufReader::new(bash.stdout.take().unwrap()).lines();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| send.send(line)));
        Self { stdin: bash.stdin.take().unwrap(), bash, said, dir: dir.to_owned() }
    }

    /// Runs a block to its end; what it says.
    pub fn run(&mut self, block: &Block) -> Vec<String> {
        const END: &str = "== ended with ";
        writeln!(self.stdin, "{}\necho \"{END}$?\"", block.text).unwrap();
        let mut lines = Vec::new();
        loop {
            let line = self.said.recv_timeout(PATIENCE).unwrap_or_else(|e| panic!("line {}: {e}; it said {lines:#?}", block.line));
            match line.strip_prefix(END) {
                None => lines.push(line),
                Some("0") => return lines,
                Some(status) => panic!("line {} ended with {status}: {lines:#?}", block.line),
            }
        }
    }

    /// Lets a block run on beside the others, under a name.
    pub fn leave(&mut self, block: &Block, name: &str) {
        writeln!(self.stdin, "{{\n{}\n}} </dev/null >{name}.said &", block.text).unwrap();
    }

    /// What the block of that name has said so far.
    pub fn said(&self, name: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.dir.join(format!("{name}.said"))).unwrap_or_default();
        // The last line may be half written.
        text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')).map(str::to_owned).collect()
    }

    /// Waits until the block of that name has said these lines from its line `from` on, others between; the line after them.
    pub fn hear(&self, name: &str, from: usize, block: &Block) -> usize {
        let begin = Instant::now();
        loop {
            let said = self.said(name);
            let mut at = from;
            let missing = block.text.lines().find(|shown| match said[at.min(said.len())..].iter().position(|line| fits(shown, line)) {
                Some(next) => {
                    at += next + 1;
                    false
                }
                None => true,
            });
            let Some(missing) = missing else { return at };
            assert!(begin.elapsed() < PATIENCE, "line {}: {name} did not say {missing:?} but {said:#?}", block.line);
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let group = format!("-{}", self.bash.id());
        // It is gone already when it ended by itself.
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.bash.wait();
    }
}

#[test]
fn what_is_shown_fits_what_is_said() {
    assert!(fits("a", "a") && fits("a …", "a b") && fits("a…c", "abc") && fits("…", "") && fits("a…c…e", "abcde"));
    assert!(!fits("a", "ab") && !fits("a…c", "ab") && !fits("a…b…c", "ac") && !fits("", "a"));
}
