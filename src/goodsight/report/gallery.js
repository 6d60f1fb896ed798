// Photos of a page: small pictures where they belong, sets of them in a dialog, one of them large.
//
// The page holds {pictures, photos, sets}: a picture is a data URI, or a list with what is wrong with the photo; a photo
// has a name n, a picture p, perhaps a map m, a label l, and answers a: [who, answer, probability]; a set has a title t,
// photos p, and how many there are in all.

const find = (id) => document.getElementById(id);
const { pictures, photos, sets } = JSON.parse(find("data").textContent);

let row = []; // the photos that the large one is among
let at = 0;
let mapped = false;

// With as many digits as tell it from all and from nothing; as template.py has it.
function percent(value, digits = 1) {
  for (let more = digits; more < 4; more++) {
    const text = (100 * value).toFixed(more);
    if ((Number(text) !== 0 && Number(text) !== 100) || value === 0 || value === 1) return `${text} %`;
  }
  return value < 0.5 ? "under 0.001 %" : "over 99.999 %";
}

// ---- pictures

function paint(place, number, alt) {
  const picture = pictures[number];
  if (typeof picture === "string") {
    const image = document.createElement("img");
    image.src = picture;
    image.alt = alt;
    image.decoding = "async";
    place.replaceChildren(image);
  } else place.textContent = picture ? picture[0] : "no room for this photo in the page";
}

function pictureOf(number, alt, made = document.createElement("span")) {
  made.className = "picture";
  paint(made, number, alt);
  return made;
}

function fill() {
  for (const place of document.querySelectorAll("[data-picture]")) {
    paint(place, place.dataset.picture === "" ? -1 : Number(place.dataset.picture), place.dataset.alt);
  }
}

// ---- what is said of a photo

function said(photo) {
  const answers = photo.a.map(([who, answer, p]) => `${who ? `${who}: ` : ""}${answer} ${percent(p, 0)}`);
  return [`labelled ${photo.l}`, ...answers.map((answer) => (photo.a.length > 1 ? answer : `called ${answer}`))];
}

function entry(number) {
  const photo = photos[number];
  const item = document.createElement("li");
  const button = document.createElement("button");
  const words = document.createElement("p");
  const name = document.createElement("p");
  item.className = "card";
  button.type = "button";
  button.className = "thumb";
  button.dataset.photo = number;
  button.setAttribute("aria-label", `${photo.n}, ${said(photo).join(", ")}; enlarge`);
  button.append(pictureOf(photo.p, ""));
  words.append(...said(photo).flatMap((line, place) => (place ? [document.createElement("br"), line] : [line])));
  name.className = "hint name";
  name.textContent = photo.n;
  item.append(button, words, name);
  return item;
}

function open(key) {
  const set = sets[key];
  if (!set) return;
  find("gallery-title").textContent = set.t;
  const all = `${set.of} ${set.of === 1 ? "photo" : "photos"}`;
  find("gallery-said").textContent = set.p.length < set.of ? `${all}, ${set.p.length} of them here: the surest mistakes first.` : `${all}.`;
  find("gallery-photos").replaceChildren(...set.p.map(entry));
  find("gallery").showModal();
  find("gallery").scrollTop = 0;
}

// ---- one photo, large

function enlarge(button) {
  const around = button.closest("[data-photos]") ?? button.parentElement;
  row = [...around.querySelectorAll("[data-photo]")].map((one) => Number(one.dataset.photo));
  at = [...around.querySelectorAll("[data-photo]")].indexOf(button);
  mapped = Boolean(button.closest(".mistakes")?.querySelector("[data-maps]")?.checked);
  show();
  find("large").showModal();
}

function show() {
  const photo = photos[row[at]];
  find("large-title").textContent = photo.n;
  find("large-said").textContent = said(photo).join(", ");
  find("large-picture").replaceChildren(pictureOf(mapped && photo.m !== undefined ? photo.m : photo.p, photo.n));
  find("large-place").textContent = row.length > 1 ? `${at + 1} of ${row.length}` : "";
  find("before").disabled = at === 0;
  find("after").disabled = at === row.length - 1;
  find("map").hidden = photo.m === undefined;
  find("map").setAttribute("aria-pressed", String(mapped));
}

function move(by) {
  if (!row[at + by] && row[at + by] !== 0) return;
  at += by;
  show();
}

// ---- the table of confusions: one number is in the tab order, arrows go on

function walk(event) {
  const table = event.target.closest("[data-matrix]");
  const steps = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };
  if (!table || !steps[event.key] || !event.target.closest("button")) return;
  event.preventDefault();
  const [down, right] = steps[event.key];
  const cell = event.target.closest("td");
  let line = cell.parentElement.rowIndex;
  let column = cell.cellIndex;
  for (;;) {
    line += down;
    column += right;
    if (line < 1 || column < 1) return;
    const next = table.rows[line]?.cells[column];
    if (!next) return;
    const button = next.querySelector("button");
    if (!button) continue;
    event.target.tabIndex = -1;
    button.tabIndex = 0;
    button.focus();
    return;
  }
}

for (const table of document.querySelectorAll("[data-matrix]")) {
  const first = table.querySelector("button");
  if (first) first.tabIndex = 0;
}

document.addEventListener("keydown", (event) => {
  walk(event);
  if (!find("large").open) return;
  if (event.key === "ArrowLeft") move(-1);
  if (event.key === "ArrowRight") move(1);
});
document.addEventListener("click", ({ target }) => {
  const opener = target.closest("[data-show]");
  const photo = target.closest("[data-photo]");
  if (opener) open(opener.dataset.show);
  else if (photo) enlarge(photo);
  else if (target.closest("[data-close]") || target.tagName === "DIALOG") target.closest("dialog").close();
});
document.addEventListener("change", ({ target }) => {
  if (!target.matches("[data-maps]")) return;
  for (const button of target.closest(".mistakes").querySelectorAll("[data-photo]")) {
    const photo = photos[button.dataset.photo];
    paint(button.querySelector(".picture"), target.checked && photo.m !== undefined ? photo.m : photo.p, "");
  }
});
find("before").addEventListener("click", () => move(-1));
find("after").addEventListener("click", () => move(1));
find("map").addEventListener("click", () => {
  mapped = !mapped;
  show();
});
fill();
