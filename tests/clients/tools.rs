//! The generators, compilers and checkers of other languages, in a directory of their own.

use super::common::Depot;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A directory in which a program is made.
pub struct Workshop(tempfile::TempDir);

impl Workshop {
    /// With these files of `tests/clients`, and what the depot says of itself.
    pub async fn with(depot: &Depot, files: &[&str]) -> Self {
        let shop = Self(tempfile::tempdir().unwrap());
        for file in files {
            std::fs::copy(root().join("tests/clients").join(file), shop.path(file)).unwrap();
        }
        for said in ["openapi.json", "asyncapi.yaml"] {
            let answer = depot.http_as("").get(&format!("/{said}")).await;
            assert!(answer.status.is_success(), "{said}: {}", answer.text);
            std::fs::write(shop.path(said), answer.text).unwrap();
        }
        std::os::unix::fs::symlink(modules(), shop.path("node_modules")).unwrap();
        shop
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs a JavaScript program; all that it says.
    pub async fn node(&self, script: &str, args: &[&str]) -> String {
        let mut node = Command::new("node");
        node.arg(self.path(script)).args(args);
        self.run(node).await
    }

    /// Runs a program of the Python environment; all that it says.
    pub async fn python(&self, program: &str, args: &[&str]) -> String {
        let path = root().join("target/tools/clients/bin").join(program);
        assert!(path.exists(), "{program} is missing: run .ci/tools");
        let mut command = Command::new(path);
        command.args(args).env("PYTHONDONTWRITEBYTECODE", "1");
        self.run(command).await
    }

    async fn run(&self, mut command: Command) -> String {
        command.current_dir(self.0.path()).env("NO_COLOR", "1").stdin(Stdio::null());
        let told = format!("{command:?}");
        let out = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        assert!(out.status.success(), "{told}: {}\n{said}", out.status);
        said
    }
}

/// The modules that the console is built with; some are there for the tests.
pub fn modules() -> PathBuf {
    let modules = root().join("web/node_modules");
    assert!(modules.join("openapi-typescript").exists(), "openapi-typescript is missing: run `npm ci` in web/");
    modules
}
