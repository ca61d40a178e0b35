//! Writes a report of every kind and the console's pages in every state, so that one can look at them: `cargo run -p hedgerow-pages --example gallery -- DIR`.

mod asked;
mod console;
mod samples;

use std::{env, error::Error, fs, path::PathBuf};

use hedgerow_pages::{
    canary::{html, index, markdown, text},
    console::{SCRIPT, script_path, style, style_path},
};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(env::args().nth(1).ok_or("tell me a folder to write to")?);
    fs::create_dir_all(&folder)?;
    let all = samples::all();
    for sample in &all {
        let file = |ending| folder.join(format!("{}.{ending}", sample.name));
        fs::write(file("html"), html(&sample.report, &sample.examples, &samples::made()))?;
        fs::write(file("md"), markdown(&sample.report))?;
        fs::write(file("txt"), text(&sample.report, 100))?;
    }
    let reports: Vec<_> = all.into_iter().map(|sample| sample.report).collect();
    fs::write(folder.join("index.html"), index(&reports, |report| Some(format!("{}.html", report.canary))))?;
    // The console's style and script are files beside its pages.
    let console = folder.join("console");
    fs::create_dir_all(&console)?;
    for (path, content) in [(style_path(), style()), (script_path(), SCRIPT)] {
        fs::write(console.join(path.trim_start_matches('/')), content)?;
    }
    let asked = asked::all().into_iter().map(|shown| (shown.name.clone(), shown.html()));
    let pages = console::all().into_iter().map(|shown| (shown.name.to_owned(), shown.html));
    for (name, html) in pages.chain(asked) {
        fs::write(console.join(name).with_extension("html"), html.replace("\"/console-", "\"console-"))?;
    }
    Ok(())
}
