//! Builds the browser console into `$OUT_DIR/web`, from where `src/web/assets.rs` embeds it.
//!
//! `DEPOTD_WEB_DIST` names a finished build and takes its place (cross builds without Node). Without the feature
//! `console` the folder stays empty and npm is not needed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

/// What the build reads below `web/`.
const INPUTS: &[&str] = &[
    "src",
    "public",
    "index.html",
    "driver.html",
    "track.html",
    "package.json",
    "package-lock.json",
    ".npmrc",
    "vite.config.ts",
    "svelte.config.js",
    "tsconfig.json",
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=DEPOTD_WEB_DIST");
    if let Err(why) = console() {
        println!("cargo:warning=the browser console could not be built: {why}");
        eprintln!("{why}");
        std::process::exit(1);
    }
}

fn console() -> Result<(), String> {
    let variable = |name: &str| env::var_os(name).ok_or_else(|| format!("cargo did not set {name}"));
    let out = PathBuf::from(variable("OUT_DIR")?).join("web");
    if let Err(why) = fs::remove_dir_all(&out)
        && why.kind() != io::ErrorKind::NotFound
    {
        return Err(format!("cannot empty {}: {why}", out.display()));
    }
    fs::create_dir_all(&out).map_err(|why| format!("cannot make {}: {why}", out.display()))?;
    if env::var_os("CARGO_FEATURE_CONSOLE").is_none() {
        return Ok(());
    }
    if let Some(dist) = env::var_os("DEPOTD_WEB_DIST") {
        let dist = PathBuf::from(dist);
        println!("cargo:rerun-if-changed={}", dist.display());
        return copy(&dist, &out).map_err(|why| format!("cannot copy DEPOTD_WEB_DIST={}: {why}", dist.display()));
    }
    let web = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("web");
    for input in INPUTS {
        println!("cargo:rerun-if-changed={}", web.join(input).display());
    }
    install(&web)?;
    let release = env::var("PROFILE").is_ok_and(|p| p == "release");
    let mut build = npm(&web);
    build.args(["run", "--silent", "build", "--", "--emptyOutDir", "--logLevel", "warn", "--outDir"]).arg(&out);
    build.env("DEPOTD_COMPRESS", if release { "1" } else { "0" });
    run(build, "vite build")
}

/// Installs the packages when the lock file is newer than what is installed.
#[expect(clippy::disallowed_methods, reason = "a build stamp, not the product's time")]
fn install(web: &Path) -> Result<(), String> {
    let changed = |path: &Path| fs::metadata(path).and_then(|m| m.modified());
    let lock = changed(&web.join("package-lock.json")).map_err(|why| format!("web/package-lock.json: {why}"))?;
    let mark = web.join("node_modules/.package-lock.json");
    if changed(&mark).is_ok_and(|installed| installed >= lock) {
        return Ok(());
    }
    let mut ci = npm(web);
    ci.args(["ci", "--no-audit", "--no-fund", "--loglevel", "error"]);
    run(ci, "npm ci")?;
    let touch = fs::File::options().append(true).open(&mark).and_then(|f| f.set_modified(std::time::SystemTime::now()));
    touch.map_err(|why| format!("{}: {why}", mark.display()))
}

fn npm(web: &Path) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(web).env("NODE_ENV", "production").env("npm_config_include", "dev");
    command
}

fn run(mut command: Command, what: &str) -> Result<(), String> {
    let output = command.output().map_err(|why| match why.kind() {
        io::ErrorKind::NotFound => "npm is missing. Install Node 20.19 or newer with npm, or point DEPOTD_WEB_DIST to a finished \
                                    console, or build without it: cargo build --no-default-features"
            .to_owned(),
        _ => format!("cannot run npm: {why}"),
    })?;
    if output.status.success() {
        return Ok(());
    }
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(format!("`{what}` in web/ failed ({}):\n{out}{err}", output.status))
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
