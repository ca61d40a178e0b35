// Renews a live page, and takes keys. All else is there without it.
'use strict';
const live = document.getElementById('live'), keys = document.getElementById('keys'), off = document.getElementById('keys-off');
document.documentElement.classList.add('scripted');

// Makes `old` what `next` is and keeps what is the same: its focus, its scrolling, what was opened, what is being typed.
const alike = (one, two) => one.nodeName === two.nodeName && (one.id || '') === (two.id || '');
const morph = (old, next) => {
  if (old.isEqualNode(next)) return;
  if (old.nodeType !== Node.ELEMENT_NODE) { old.data = next.data; return; }
  const ours = name => name === 'open' && old.nodeName === 'DETAILS';
  for (const {name} of [...old.attributes]) if (!next.hasAttribute(name) && !ours(name)) old.removeAttribute(name);
  for (const {name, value} of next.attributes)
    if (old.getAttribute(name) !== value && !ours(name)) old.setAttribute(name, value);
  let at = old.firstChild;
  for (const child of [...next.childNodes]) {
    let found = at;
    while (found && !alike(found, child)) found = found.nextSibling;
    if (!found) { old.insertBefore(child, at); continue; }
    if (found === at) at = at.nextSibling; else old.insertBefore(found, at);
    morph(found, child);
  }
  while (at) { const gone = at; at = at.nextSibling; gone.remove(); }
};
const renew = text => {
  const next = new DOMParser().parseFromString(text, 'text/html').querySelector('main');
  const main = document.querySelector('main'), focus = document.activeElement;
  if (!next || !main) return;
  morph(main, next);
  if (next.dataset.title) document.title = next.dataset.title + ' · hedgerow';
  // What was moved has lost it.
  if (focus !== document.activeElement && focus.isConnected) focus.focus({preventScroll: true});
};

const say = (sign, text, lost) => {
  if (!live || live.dataset.said === text) return;
  live.dataset.said = text;
  live.classList.toggle('lost', lost);
  live.firstChild.textContent = sign;
  live.lastChild.textContent = ' ' + text;
};
if ('live' in document.body.dataset) {
  const open = () => {
    const source = new EventSource(location.href);
    source.onopen = () => say('●', 'live', false);
    source.onmessage = ({data}) => { say('●', 'live', false); renew(data); };
    source.onerror = () => {
      if (!live.classList.contains('lost')) say('○', 'not live since ' + new Date().toTimeString().slice(0, 8), true);
      // A browser tries again by itself unless the answer was no stream at all.
      if (source.readyState === EventSource.CLOSED) setTimeout(open, 5000);
    };
  };
  open();
}

const stored = value => { try { return value === undefined ? localStorage.keys : (localStorage.keys = value); } catch { return ''; } };
off.checked = stored() === 'off';
off.onchange = () => stored(off.checked ? 'off' : 'on');
document.addEventListener('keydown', event => {
  const field = event.target.closest('input,textarea,select,[contenteditable]');
  if (field || event.ctrlKey || event.altKey || event.metaKey || keys.open) return;
  if (event.key === '?') return keys.showModal();
  if (off.checked) return;
  if (event.key === '/') {
    const first = document.querySelector('main input:not([type=hidden]),main textarea');
    if (first) { event.preventDefault(); first.focus(); }
    return;
  }
  document.querySelector('[data-key="' + CSS.escape(event.key) + '"]')?.click();
});
