//! Just enough of a reader of Rust to tell code from comments and strings.

/// One source file, its test modules left out.
pub struct Source {
    /// Path below `src/`.
    pub path: String,
    /// The code with comments and the insides of strings blanked; lines stay where they are.
    code: String,
    /// Every string literal with the line it begins on.
    pub strings: Vec<(usize, String)>,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        let mut reader = Reader { rest: text, line: 1, code: String::new(), strings: Vec::new() };
        while reader.step() {}
        let (mut code, mut strings) = (reader.code, reader.strings);
        if let Some(end) = code.find("#[cfg(test)]\nmod ") {
            let last = line_of(&code, end);
            code.truncate(end);
            strings.retain(|(line, _)| *line <= last);
        }
        Self { path: path.to_owned(), code, strings }
    }

    /// The top-level module that the file belongs to.
    pub fn module(&self) -> &str {
        let first = self.path.split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// Whether the file is a test module kept apart from what it tests.
    pub fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name == "tests.rs" || name.ends_with("_tests.rs") || self.path.contains("/tests/")
    }

    /// Whether the file is the module at `path` (such as `dispatch/plan`) or inside it.
    pub fn is_in(&self, path: &str) -> bool {
        self.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
    }

    /// The lines whose code names `path`, directly or from a `use` group.
    pub fn lines_with<'a>(&'a self, path: &'a str) -> impl Iterator<Item = usize> + 'a {
        let (head, member) = path.split_once("::").map_or((path, None), |(head, member)| (head, Some(member)));
        self.words(head).filter_map(move |at| {
            let after = &self.code[at + head.len()..];
            let named = match member {
                None => true,
                Some(member) => after.strip_prefix("::").is_some_and(|tail| first_names(tail).iter().any(|(_, name)| name == member)),
            };
            named.then(|| line_of(&self.code, at))
        })
    }

    /// Every top-level module that the code names, with its line.
    pub fn modules_named(&self) -> Vec<(usize, String)> {
        let parts = self.path.trim_end_matches(".rs").split('/').filter(|part| *part != "mod").count();
        let up = "super::".repeat(parts);
        let mut named = Vec::new();
        for root in ["crate::", "depotd::", &up] {
            for at in self.words(root.trim_end_matches("::")) {
                let behind = at + root.len();
                let continues_a_path = self.code[..at].ends_with("::");
                if continues_a_path || !self.code[at..].starts_with(root) {
                    continue;
                }
                let names = first_names(&self.code[behind..]);
                named.extend(names.into_iter().map(|(offset, name)| (line_of(&self.code, behind + offset), name)));
            }
        }
        named
    }

    /// Where `word` stands in the code as a whole word.
    fn words<'a>(&'a self, word: &'a str) -> impl Iterator<Item = usize> + 'a {
        let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
        self.code
            .match_indices(word)
            .map(|(at, _)| at)
            .filter(move |at| !self.code[..*at].ends_with(part_of_word) && !self.code[at + word.len()..].starts_with(part_of_word))
    }
}

/// The first name of each path in `tail`, which is a path or a `{…}` group of them.
fn first_names(tail: &str) -> Vec<(usize, String)> {
    let mut names = Vec::new();
    let (mut depth, mut fresh) = (0_usize, true);
    let mut chars = tail.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 1 => fresh = true,
            c if c.is_alphanumeric() || c == '_' => {
                let mut name = String::from(c);
                while let Some((_, next)) = chars.next_if(|(_, next)| next.is_alphanumeric() || *next == '_') {
                    name.push(next);
                }
                if fresh && depth <= 1 {
                    names.push((at, name));
                }
                fresh = false;
            }
            _ => {}
        }
        if depth == 0 && (!fresh || !c.is_whitespace()) {
            break;
        }
    }
    names
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// Walks over a text, one token or character at a time.
struct Reader<'a> {
    rest: &'a str,
    line: usize,
    code: String,
    strings: Vec<(usize, String)>,
}

impl Reader<'_> {
    fn step(&mut self) -> bool {
        let Some(c) = self.rest.chars().next() else { return false };
        let in_word = self.code.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        if self.rest.starts_with("//") {
            self.blank(self.rest.find('\n').unwrap_or(self.rest.len()));
        } else if self.rest.starts_with("/*") {
            self.blank(block_comment(self.rest));
        } else if let Some(hashes) = raw_string(self.rest).filter(|_| !in_word) {
            let open = self.rest.find('"').unwrap_or_default() + 1;
            let close = format!("\"{}", "#".repeat(hashes));
            let inside = self.rest[open..].find(&close).unwrap_or(self.rest.len() - open);
            self.string(open, open + inside, (open + inside + close.len()).min(self.rest.len()));
        } else if c == '"' {
            let end = quoted(self.rest);
            self.string(1, end.max(1), (end + 1).min(self.rest.len()));
        } else if let Some(length) = char_literal(self.rest) {
            self.blank(length);
        } else {
            self.code.push(c);
            self.line += usize::from(c == '\n');
            self.rest = &self.rest[c.len_utf8()..];
        }
        true
    }

    fn string(&mut self, from: usize, to: usize, end: usize) {
        self.strings.push((self.line, self.rest[from..to].to_owned()));
        self.blank(end);
    }

    fn blank(&mut self, length: usize) {
        let lines = self.rest[..length].matches('\n').count();
        self.code.push(' ');
        self.code.extend(std::iter::repeat_n('\n', lines));
        self.line += lines;
        self.rest = &self.rest[length..];
    }
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// How many `#` open the raw string that `text` begins with.
fn raw_string(text: &str) -> Option<usize> {
    let tail = ["br", "cr", "r"].iter().find_map(|prefix| text.strip_prefix(prefix))?;
    let hashes = tail.chars().take_while(|c| *c == '#').count();
    tail[hashes..].starts_with('"').then_some(hashes)
}

/// Where the string that `text` begins with ends.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at,
            _ => escaped = c == '\\' && !escaped,
        }
    }
    text.len()
}

/// The length of the character literal that `text` begins with; a lifetime is none.
fn char_literal(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('\'')?;
    let first = inside.chars().next()?;
    if first == '\\' {
        return inside[2..].find('\'').map(|end| end + 4);
    }
    inside[first.len_utf8()..].starts_with('\'').then_some(first.len_utf8() + 2)
}
