//! The console's script in a real browser: it renews a page and keeps what one is doing there, and it takes keys.

use std::{fs, process::Command};

use hedgerow_pages::console::{Access, Frame, SCRIPT, file, overview, rendezvous, script_path};
use serde_json::{Value, json};

use super::{browser, console as samples};

/// Stands in for the stream: what arrives is given by `play`.
const STREAM: &str =
    "class EventSource{static CLOSED=2;readyState=1;constructor(from){window.stream=this;this.from=from}}";

fn page() -> String {
    let all = ["fraud".to_owned(), "wine".to_owned()];
    let frame = Frame { rendezvous: &all, here: "/rendezvous/fraud", access: Access::Reader, live: true };
    let lags = samples::lags("fraud");
    let page = file(&rendezvous(&samples::burning("fraud"), &lags, Some(&samples::time("fraud"))), &frame);
    let link = format!("<script src=\"{}\" defer></script>", script_path());
    assert!(page.contains(&link));
    // Somebody types into a field of his own.
    let page = page.replace("<h1>", "<input id=\"typed\" value=\"\"><h1>").replace(&link, "");
    page.replace("</body>", &format!("<script>{STREAM}{SCRIPT}</script></body>"))
}

/// Plays `what` in the page and returns what it put into `told`.
fn play(what: &str, data: &[&str]) -> Option<Value> {
    let browser = browser()?;
    let folder = tempfile::tempdir().expect("a folder");
    let data = serde_json::to_string(data).expect("texts").replace('<', "\\u003c");
    let script = format!("<script>const data={data},told={{}};{{{what}}}document.title=JSON.stringify(told)</script>");
    let path = folder.path().join("page.html");
    fs::write(&path, page().replace("</body>", &format!("{script}</body>"))).expect("written");
    let said = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--dump-dom"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .arg(format!("file://{}", path.display()))
        .output()
        .expect("it starts");
    let dom = String::from_utf8_lossy(&said.stdout);
    let told = dom.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>")).map(|(told, _)| told);
    let told = told.unwrap_or_default().replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    Some(
        serde_json::from_str(&told)
            .unwrap_or_else(|error| panic!("{error}: {told} {}", String::from_utf8_lossy(&said.stderr))),
    )
}

#[test]
fn a_page_is_renewed_and_what_one_is_doing_there_stays() {
    let renewed = {
        let mut overview = samples::burning("fraud");
        overview.rate = 1_234.0;
        overview.executors.remove(0);
        rendezvous(&overview, &samples::lags("fraud"), None).main.replace("<h1>", "<input id=\"typed\" value=\"\"><h1>")
    };
    let what = "const field=document.getElementById('typed'),opened=document.querySelector('#executors details'),\
        table=document.querySelector('#executors .scroll'),rows=()=>document.querySelectorAll('.executors tbody tr').length;\
        field.focus();field.value='half a wor';opened.open=true;table.scrollLeft=40;told.before=rows();\
        stream.onmessage({data:data[0]});\
        told.after=rows();told.rate=document.querySelector('.hero dd').firstChild.textContent;\
        told.typed=document.getElementById('typed').value;told.focus=document.activeElement.id;\
        told.open=document.querySelector('#executors details').open;told.same=field.isConnected;\
        told.scrolled=document.querySelector('#executors .scroll').scrollLeft===table.scrollLeft;\
        told.figure=document.querySelector('#time figure')===null;told.title=document.title;told.mains=document.querySelectorAll('main').length";
    let Some(told) = play(what, &[&renewed]) else { return };
    assert_eq!(
        told,
        json!({"before": 4, "after": 3, "rate": "1,234", "typed": "half a wor", "focus": "typed", "open": true, "same": true,
            "scrolled": true, "figure": true, "title": "Burns too fast: page: fraud · hedgerow", "mains": 1})
    );
}

#[test]
fn what_is_not_the_page_any_more_is_left_alone_and_a_lost_stream_is_told() {
    let other = overview(&[samples::healthy("wine")]).main;
    let what = "const live=document.getElementById('live');stream.onopen();told.first=live.textContent;\
        stream.onerror();told.lost=live.textContent.replace(/[0-9]{2}:[0-9]{2}:[0-9]{2}/,'then');told.class=live.className;\
        stream.onmessage({data:'nothing of ours'});told.kept=document.querySelector('#executors')!==null;told.again=live.textContent;\
        stream.onmessage({data:data[0]});told.swapped=document.querySelector('#executors')===null&&document.querySelector('.card')!==null";
    let Some(told) = play(what, &[&other]) else { return };
    assert_eq!(
        told,
        json!({"first": "● live", "lost": "○ not live since then", "class": "lost", "kept": true, "again": "● live", "swapped": true})
    );
}

#[test]
fn keys_lead_to_pages_unless_somebody_types_or_wants_none() {
    let what = "const clicked=[];document.addEventListener('click',event=>{event.preventDefault();\
        const link=event.target.closest('a');if(link)clicked.push(link.getAttribute('href'))});\
        const press=(key,where=document.body,more={})=>where.dispatchEvent(new KeyboardEvent('keydown',{key,bubbles:true,...more}));\
        press('o');press('p');press('p',document.body,{ctrlKey:true});press('o',document.getElementById('typed'));press('\"');\
        told.clicked=[...clicked];press('/');told.focus=document.activeElement.id;document.activeElement.blur();\
        press('?');const keys=document.getElementById('keys');told.shown=keys.open;press('o');keys.close();\
        document.getElementById('keys-off').click();document.getElementById('keys-off').checked=true;press('o');told.off=clicked.length;\
        press('?');told.again=keys.open";
    let Some(told) = play(what, &[]) else { return };
    assert_eq!(
        told,
        json!({"clicked": ["/", "/rendezvous/fraud/policy"], "focus": "typed", "shown": true, "off": 2, "again": true})
    );
}
