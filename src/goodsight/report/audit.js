// The page of an audit: one card per photo and gallery, and the decisions about each photo, kept until they are downloaded.

const find = (id) => document.getElementById(id);
const { audit, attributes, classes, photos, chances } = JSON.parse(find("data").textContent);
const STORE = `goodsight-audit-${audit}`;
const choices = new Map(classes.map((choice) => [choice.said, choice])); // with several attributes "colour: blue"
const SAID = { keep: "Kept", drop: "Dropped", relabel: "Relabelled" };

const keyOf = ({ sha256, file_name }) => `${sha256} ${file_name}`;
const keys = photos.map(keyOf);
const cards = [...document.querySelectorAll(".card")];
const decidable = cards.filter((card) => card.dataset.photo !== undefined);
let decisions = new Map(); // by key, the lines of the ledger that hold; of photos that are not on this page as well
let unsaved = false; // whether a decision was not downloaded yet
let past = []; // [decisions, card] before each change
let current = decidable[0] ?? null;
let asked = null; // the card that is being relabelled

// ---- what holds of a photo: a keep, a drop, or new labels, one for an attribute, in the order of time; as ledger.py has it

const timeOf = (row) => Date.parse(row.time);
const attributeOf = (row) => row.attribute || (attributes.length === 1 ? attributes[0] : ""); // of one it is all the same

// What holds once a row comes after those that held.
function after(rows, row) {
  if (row.decision !== "relabel") return [row];
  const others = rows.filter((old) => old.decision === "relabel" && attributeOf(old) !== attributeOf(row));
  return [...others, row].sort((a, b) => timeOf(a) - timeOf(b));
}

function add(rows, to) {
  for (const row of rows) to.set(keyOf(row), after(to.get(keyOf(row)) ?? [], row));
  return to;
}

// ---- what is kept in the browser

function remember() {
  try {
    localStorage.setItem(STORE, JSON.stringify({ rows: [...decisions.values()].flat(), reviewer: find("reviewer").value, unsaved }));
    find("forgetful").hidden = true;
  } catch {
    find("forgetful").hidden = false; // no store for this page, or it is full
  }
}

function recall() {
  try {
    const kept = JSON.parse(localStorage.getItem(STORE) ?? "null");
    if (!kept) return;
    decisions = add(kept.rows, new Map());
    find("reviewer").value = kept.reviewer;
    unsaved = kept.unsaved;
  } catch {
    find("forgetful").hidden = false;
  }
}

// ---- what is shown

function say(text) {
  find("status").textContent = text;
}

function counted() {
  return `${keys.filter((key) => decisions.has(key)).length} of ${keys.length} decided`;
}

function paint() {
  for (const card of decidable) {
    const made = decisions.get(keys[card.dataset.photo]);
    const decision = made?.[0].decision ?? "";
    card.dataset.decision = decision;
    const verdict = card.querySelector(".verdict");
    verdict.hidden = !made;
    verdict.textContent = decision === "relabel" ? `relabel: ${made.map(inWords).join(", ")}` : decision;
    for (const button of card.querySelectorAll("[data-decide]")) {
      button.setAttribute("aria-pressed", String(button.dataset.decide === decision));
    }
  }
  find("counter").textContent = counted();
  find("progress").max = keys.length;
  find("progress").value = keys.filter((key) => decisions.has(key)).length;
  tellFaults();
  find("undo").disabled = past.length === 0;
  find("download").disabled = decisions.size === 0;
  sift();
}

// What the decisions on the photos of the list say of its others; the list's first photos are the page's.
function tellFaults() {
  const places = new Map(keys.slice(0, chances.length).map((key, place) => [key, place]));
  const verdicts = [...decisions].filter(([key]) => places.has(key)).map(([key, [row]]) => [places.get(key), row.decision !== "keep"]);
  const said = inWordsOfFaults(chances, verdicts);
  find("estimate").textContent = said;
  find("estimate").hidden = !said;
}

// With the filter on, an entry goes once all its photos are decided; one that cannot be decided has nothing to wait for.
function sift() {
  const only = find("undecided").checked;
  for (const entry of document.querySelectorAll(".gallery > li")) {
    const inside = [...entry.querySelectorAll(".card")];
    entry.hidden = only && inside.every((card) => card.dataset.photo === undefined || card.dataset.decision);
  }
  if (current) point(visible(current) ? current : near(current));
}

const visible = (card) => card.closest("[hidden]") === null;

// The first card after this one that is on the screen, or else the last before it.
function near(card) {
  const at = cards.indexOf(card);
  return cards.slice(at + 1).find(visible) ?? cards.slice(0, at).findLast(visible) ?? null;
}

// One card at a time is in the tab order, and its buttons with it.
function point(card) {
  for (const [one, index] of [[current, -1], [card, 0]]) {
    if (!one) continue;
    one.classList.toggle("current", index === 0);
    one.tabIndex = index;
    for (const button of one.querySelectorAll("button")) button.tabIndex = index;
  }
  current = card ?? current;
}

function go(card) {
  if (!card) return;
  point(card);
  card.focus({ preventScroll: true });
  document.documentElement.style.scrollPaddingTop = `${find("tools").offsetHeight}px`; // the tools say more or less above it
  card.scrollIntoView({ block: "nearest" });
}

// ---- deciding

function change(card, work, said) {
  const held = document.activeElement?.closest(".card") === card;
  past.push([new Map(decisions), card]);
  work();
  unsaved = decisions.size > 0;
  remember();
  paint();
  say(`${said}. ${counted()}.`);
  if (held && !visible(card)) go(visible(current) ? current : null);
}

function inWords({ attribute, label }) {
  return attribute ? `${attribute}: ${label}` : label;
}

function decide(card, decision, said = "") {
  const { attribute, label } = choices.get(said) ?? { attribute: "", label: said };
  const { file_name, sha256, reason } = photos[card.dataset.photo];
  const time = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  const reviewer = find("reviewer").value.trim() || null; // null: whoever downloads it
  const row = { file_name, sha256, decision, label, reason, reviewer, time, attribute };
  change(card, () => add([row], decisions), `${SAID[decision]}${said && ` as ${said}`}: ${file_name}`);
}

function press(card, decision) {
  if (decision === "relabel") ask(card);
  else if (card.dataset.decision !== decision) decide(card, decision);
  else {
    const { file_name } = photos[card.dataset.photo];
    change(card, () => decisions.delete(keys[card.dataset.photo]), `Open again: ${file_name}`);
  }
}

function undo() {
  const before = past.pop();
  if (!before) return say("There is nothing to take back.");
  decisions = before[0];
  unsaved = decisions.size > 0;
  remember();
  paint();
  say(`Taken back. ${counted()}.`);
  if (before[1] && visible(before[1])) go(before[1]);
}

function ask(card) {
  const { file_name, label, suggested } = photos[card.dataset.photo];
  const made = decisions.get(keys[card.dataset.photo])?.at(-1);
  const wanted = (made && inWords(made)) || suggested;
  asked = card;
  const image = card.querySelector(".picture img");
  find("relabel-picture").hidden = !image;
  if (image) find("relabel-picture").src = image.src;
  find("relabel-name").textContent = `${file_name}, labelled ${label || "nothing"}`;
  const known = [...choices.keys()];
  const names = choices.has(wanted) || !wanted || wanted === label ? known : [wanted, ...known];
  find("labels").replaceChildren(...names.filter((name) => name !== label).map((name) => {
    const option = document.createElement("option");
    option.textContent = name === suggested ? `${name} (suggested)` : name;
    option.value = name;
    option.selected = name === wanted;
    return option;
  }));
  find("labels").size = Math.max(2, Math.min(10, find("labels").options.length));
  chosen();
  find("numbers").hidden = !numbered();
  find("relabel").showModal();
  find("labels").focus();
}

// A photo that could not be read has no picture to enlarge.
function enlarge(card) {
  const image = card.querySelector(".picture img");
  if (!image) return;
  find("large-name").textContent = card.querySelector(".name").textContent;
  find("large-picture").src = image.src;
  find("large-picture").alt = find("large-name").textContent;
  find("large-picture").hidden = false;
  find("large").showModal();
}

// Where a label has a digit, digits are typed to find it.
function numbered() {
  return ![...find("labels").options].some(({ value }) => /\d/.test(value));
}

function chosen() {
  find("relabel-yes").disabled = find("labels").value === "";
}

function relabel() {
  if (!find("labels").value) return;
  find("relabel").close();
  const card = asked;
  card.focus({ preventScroll: true });
  decide(card, "relabel", find("labels").value);
}

// ---- ledger.csv

function download() {
  const name = find("reviewer").value.trim();
  const here = keys.filter((key) => decisions.has(key));
  const elsewhere = [...decisions.keys()].filter((key) => !keys.includes(key));
  const rows = [...here, ...elsewhere].flatMap((key) => decisions.get(key)).map((row) => ({ ...row, reviewer: row.reviewer ?? name }));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(ledgerBlob(rows));
  link.download = "ledger.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  unsaved = false;
  remember();
  say(`ledger.csv holds ${rows.length} ${rows.length === 1 ? "decision" : "decisions"}.`);
}

// The rows of a ledger come among those that are here by their time, and after equally old ones.
function merge({ rows, bad }) {
  const before = new Map(decisions);
  const mine = [...new Set(rows.map(keyOf))].flatMap((key) => decisions.get(key) ?? []);
  for (const row of rows) decisions.set(keyOf(row), []);
  add([...mine, ...rows].sort((a, b) => timeOf(a) - timeOf(b)), decisions);
  const restored = rows.filter((row) => decisions.get(keyOf(row)).includes(row)).length;
  past.push([before, null]);
  const elsewhere = rows.filter((row) => !keys.includes(keyOf(row))).length;
  const more = [elsewhere && `${elsewhere} about photos that this page does not show are kept for the next ledger`, bad && `${bad} unusable lines`];
  say([`Taken up ${restored} of ${rows.length} decisions`, ...more.filter(Boolean), counted()].join("; ") + ".");
}

async function takeUp({ target }) {
  const [file] = target.files;
  if (!file) return;
  try {
    merge(readLedger(new Uint8Array(await file.arrayBuffer())));
    unsaved = true; // the file may hold less than what is here now
    remember();
    paint();
  } catch (error) {
    say(`${file.name} is no ledger: ${error.message}.`);
  }
  target.value = ""; // so that the same file can be chosen again
}

// ---- keys and buttons

// The nearest card in the next row that way.
function row(card, down) {
  const box = card.getBoundingClientRect();
  const middle = box.left + box.width / 2;
  const beyond = cards.filter(visible).map((one) => [one, one.getBoundingClientRect()])
    .filter(([, other]) => (down ? other.top >= box.bottom : other.bottom <= box.top));
  const edge = down ? Math.min(...beyond.map(([, other]) => other.top)) : Math.max(...beyond.map(([, other]) => other.top));
  const away = ([, other]) => Math.abs(other.left + other.width / 2 - middle);
  return beyond.filter(([, other]) => Math.abs(other.top - edge) < 8).sort((a, b) => away(a) - away(b))[0]?.[0];
}

const MOVES = {
  ArrowRight: (card) => cards.slice(cards.indexOf(card) + 1).find(visible),
  ArrowLeft: (card) => cards.slice(0, cards.indexOf(card)).findLast(visible),
  ArrowDown: (card) => row(card, true),
  ArrowUp: (card) => row(card, false),
};
const LETTERS = { k: "keep", d: "drop", r: "relabel" };

function pressed(event) {
  if (find("relabel").open || find("large").open || event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, select, table, a")) return;
  if (event.key === " " && event.target.matches(".card")) {
    event.preventDefault();
    return enlarge(event.target);
  }
  const letter = event.key.toLowerCase();
  const wanted = LETTERS[letter];
  if (!wanted && !MOVES[event.key] && letter !== "u" && letter !== "a") return;
  event.preventDefault();
  const card = event.target.closest(".card") ?? ((wanted || letter === "a") && inSight(current) ? current : null);
  if (letter === "u") return event.repeat || undo();
  if (!card) return go(current && visible(current) ? current : cards.find(visible)); // nothing is decided blindly
  if (MOVES[event.key]) return go(MOVES[event.key](card));
  if (event.repeat) return undefined;
  if (card.dataset.photo === undefined) return say("This photo could not be read, so it cannot be decided.");
  if (letter === "a") return accept(card);
  if (wanted === "relabel") return ask(card);
  return step(card, wanted);
}

// Whether a card can be seen well enough to be decided by the first key.
function inSight(card) {
  if (!card || !visible(card)) return false;
  const { top, height } = card.getBoundingClientRect();
  return top >= 0 && top + Math.min(height, 200) <= window.innerHeight;
}

// The label that is suggested, if there is one.
function accept(card) {
  const { suggested } = photos[card.dataset.photo];
  if (!suggested) return say("No label is suggested for this photo.");
  return choices.has(suggested) ? step(card, "relabel", suggested) : ask(card);
}

// A key decides and moves on, so that a row of photos takes one key each.
function step(card, decision, label) {
  const next = MOVES.ArrowRight(card);
  decide(card, decision, label);
  if (next && visible(next)) go(next);
}

document.addEventListener("keydown", pressed);
document.addEventListener("focusin", ({ target }) => {
  const card = target.closest(".card");
  if (card && card !== current) point(card);
});
document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-decide]");
  if (button) press(button.closest(".card"), button.dataset.decide);
  else if (target.closest(".card .picture")) enlarge(target.closest(".card"));
});
find("labels").addEventListener("change", chosen);
find("labels").addEventListener("dblclick", relabel);
find("labels").addEventListener("keydown", (event) => {
  const place = Number(event.key) - 1;
  if (numbered() && find("labels").options[place]) find("labels").selectedIndex = place;
  else if (event.key !== "Enter") return;
  event.preventDefault();
  relabel();
});
find("relabel-yes").addEventListener("click", relabel);
find("large-close").addEventListener("click", () => find("large").close());
find("relabel-no").addEventListener("click", () => find("relabel").close());
window.addEventListener("beforeunload", (event) => {
  if (unsaved) event.preventDefault();
});

function begin() {
  find("undecided").addEventListener("change", sift);
  find("undo").addEventListener("click", undo);
  find("download").addEventListener("click", download);
  find("ledger").addEventListener("change", takeUp);
  find("reviewer").addEventListener("change", remember);
  window.addEventListener("storage", ({ key }) => { // the same page in another tab
    if (key !== STORE) return;
    recall();
    paint();
  });
  find("tools").hidden = find("more").hidden = false;
  document.documentElement.classList.add("decides");
  recall();
  remember();
  point(current);
  paint();
}

if (find("tools")) begin();
