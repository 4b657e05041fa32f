"use strict";
const root = document.documentElement;
const byId = (id) => document.getElementById(id);

// Light or dark: what the system says, unless the reader says otherwise.
const wanted = new URLSearchParams(location.search).get("theme");
try { root.dataset.theme = wanted || localStorage.getItem("theme") || ""; } catch { /* file: may refuse */ }
byId("theme").onclick = () => {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  try { localStorage.setItem("theme", root.dataset.theme); } catch { /* the same */ }
};

// Contents on narrow screens.
const nav = byId("contents"), menu = byId("menu");
const showMenu = (shown) => { nav.classList.toggle("open", shown); menu.setAttribute("aria-expanded", shown); };
menu.onclick = () => showMenu(!nav.classList.contains("open"));
byId("content").onclick = () => showMenu(false);
nav.onclick = (event) => { if (event.target.closest("a")) showMenu(false); };

// Where the reader is.
const links = new Map([...nav.querySelectorAll("a")].map((a) => [a.hash.slice(1), a]));
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    nav.querySelector(".current")?.classList.remove("current");
    const link = links.get(entry.target.id);
    if (!link) continue;
    link.classList.add("current");
    link.closest("details").open = true;
    const above = link.getBoundingClientRect().top - nav.getBoundingClientRect().top;
    if (above < 0 || above > nav.clientHeight - 30) nav.scrollTop += above - nav.clientHeight / 2;
  }
}, { rootMargin: "-60px 0px -75% 0px" });
document.querySelectorAll("main :is(h1, h2, h3)[id]").forEach((heading) => seen.observe(heading));

// Search: every rule, heading and name, and the text below it.
let index;
function buildIndex() {
  index = [];
  let title = "", current;
  const add = (anchor, head, text, rank) => index.push(current = { anchor, head, text, rank, low: "" });
  for (const element of document.querySelectorAll("main :is(h1, h2, h3, h4, p, li, pre, td, dd, dt)")) {
    const text = element.textContent.replace(/#$/, "").trim();
    if (element.closest("#part-matrix") && element.tagName !== "H1") continue;
    if (element.classList.contains("rule")) index.push({ anchor: element.id, head: element.id, text, rank: 0, low: "" });
    else if (element.tagName === "H4") add(element.parentElement.id, text, "", 2);
    else if (/^H/.test(element.tagName)) add(element.id, title = text, "", 1);
    else if (current) current.text += " " + text;
  }
  for (const entry of index) entry.low = (entry.head + " " + entry.text).toLowerCase();
}
const query = byId("query"), results = byId("results");
const escaped = (text) => text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
function marked(text, words) {
  const pattern = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|");
  return text.split(new RegExp(`(${pattern})`, "gi")).map((part, at) => at % 2 ? `<mark>${escaped(part)}</mark>` : escaped(part)).join("");
}
function search() {
  if (!index) buildIndex();
  const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
  results.hidden = !words.length;
  query.setAttribute("aria-expanded", !results.hidden);
  if (!words.length) return;
  const score = (entry) => entry.rank + (words.every((word) => entry.head.toLowerCase().includes(word)) ? -10 : 0);
  const found = index.filter((entry) => words.every((word) => entry.low.includes(word)));
  found.sort((a, b) => score(a) - score(b));
  results.innerHTML = found.slice(0, 40).map((entry) => {
    const at = Math.max(0, entry.text.toLowerCase().indexOf(words[0]) - 50);
    const snippet = (at ? "… " : "") + entry.text.slice(at, at + 170);
    return `<li><a href="#${entry.anchor}"><b>${marked(entry.head, words)}</b>${marked(snippet, words)}</a></li>`;
  }).join("") || `<li class="none">Nothing has all of these words.</li>`;
}
query.oninput = search;
query.onfocus = search;
results.onclick = (event) => { if (event.target.closest("a")) { results.hidden = true; query.blur(); } };
document.addEventListener("click", (event) => { if (!event.target.closest("#search")) results.hidden = true; });
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== query) { event.preventDefault(); query.focus(); query.select(); }
  if (event.key === "Escape") { results.hidden = true; query.blur(); showMenu(false); }
  if (!["ArrowDown", "ArrowUp", "Enter"].includes(event.key) || results.hidden) return;
  const all = [...results.querySelectorAll("a")];
  const now = all.findIndex((a) => a.getAttribute("aria-selected"));
  event.preventDefault();
  if (event.key === "Enter") { (all[now] || all[0])?.click(); return; }
  const next = all[Math.min(Math.max(now + (event.key === "ArrowDown" ? 1 : -1), 0), all.length - 1)];
  all[now]?.removeAttribute("aria-selected");
  next?.setAttribute("aria-selected", "true");
  next?.scrollIntoView({ block: "nearest" });
});

// A long list that hides what was asked for opens; so does a search in the address.
addEventListener("hashchange", () => document.getElementById(location.hash.slice(1))?.closest("details")?.setAttribute("open", ""));
if (new URLSearchParams(location.search).has("q")) { query.value = new URLSearchParams(location.search).get("q"); search(); }
