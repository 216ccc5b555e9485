const seen = e => { const r = e.getBoundingClientRect(); return r.width > 0 && r.height > 0 };
const rgb = text => { const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number); return [r, g, b, a] };
function light(colour) {
  const [r, g, b] = colour.map(x => x / 255).map(x => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function contrast(a, b) {
  const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
  return (x + 0.05) / (y + 0.05);
}
function ground(w, e) {
  for (; e; e = e.parentElement) { const c = rgb(w.getComputedStyle(e).backgroundColor); if (c[3] > 0) return c }
  return [255, 255, 255, 1];
}
function faint(w, d) {
  const found = [];
  for (const e of d.querySelectorAll('body *')) {
    if (e.closest('svg') || !seen(e)) continue;
    if (![...e.childNodes].some(n => n.nodeType == 3 && n.textContent.trim())) continue;
    const c = contrast(rgb(w.getComputedStyle(e).color), ground(w, e));
    if (c < 4.5) found.push([e.tagName, e.className, e.textContent.slice(0, 30), c]);
  }
  return found;
}
function small(w, d) {
  const found = [];
  for (const t of d.querySelectorAll('svg text')) {
    if (!seen(t)) continue;
    const s = t.ownerSVGElement, v = s.viewBox.baseVal;
    const scale = v && v.width ? s.getBoundingClientRect().width / v.width : 1;
    const size = parseFloat(w.getComputedStyle(t).fontSize) * scale;
    if (size < 11.9) found.push([t.textContent, size]);
  }
  return found;
}
function levers(d) {
  const found = [];
  for (const box of d.querySelectorAll('.box')) {
    const inputs = [...box.querySelectorAll('input')], states = [], filter = box.matches('.filter');
    for (const input of inputs) {
      input.checked = true;
      states.push([...box.querySelectorAll(filter ? 'tbody tr' : '.var')].filter(seen).length);
    }
    if (inputs.length) { inputs[0].checked = true; found.push([filter ? 'filter' : 'lever', ...states]) }
  }
  return found;
}
function measure(w) {
  const d = w.document, root = d.documentElement, ql = d.querySelector('.ql');
  const right = e => e.getBoundingClientRect().right;
  const inside = 'svg,.vh,.skip,details>div,input';
  return {
    words: d.body.innerText.split(/\s+/).filter(x => /[\p{L}\p{N}]/u.test(x)).length,
    text: d.body.innerText,
    height: root.scrollHeight, wide: root.scrollWidth, client: root.clientWidth,
    ql: ql ? ql.getBoundingClientRect().bottom + w.scrollY : 0,
    background: w.getComputedStyle(d.body).backgroundColor,
    faint: faint(w, d), small: small(w, d), levers: levers(d),
    cut: [...d.querySelectorAll('.an, svg[role=img]')].filter(e => seen(e) && right(e) > w.innerWidth + 0.5).map(e => e.textContent.slice(0, 40)),
    outside: [...d.querySelectorAll('body *')].filter(e => seen(e) && !e.closest(inside) && right(e) > w.innerWidth + 1).map(e => e.tagName + e.textContent.slice(0, 30)).slice(0, 5),
    copy: [...d.querySelectorAll('.copy')].filter(seen).length,
  };
}
addEventListener('load', () => {
  const out = {};
  for (const width of WIDTHS) out[width] = measure(document.getElementById('w' + width).contentWindow);
  const text = document.createElement('pre');
  text.id = 'out';
  text.textContent = JSON.stringify(out);
  document.body.replaceChildren(text);
});
